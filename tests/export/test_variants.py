import onnx
import pytest
from onnx import TensorProto, shape_inference

from export.variants import BUILDERS, WIDTHS
from stylecore.instant.variants import variant_file
from stylecore.learning.networks import TransformerNetwork
from stylecore.styles.records import VARIANTS_FOLDER

CASES = [(kind, channels, blocks) for kind in BUILDERS for channels, blocks in WIDTHS]


@pytest.mark.parametrize(("kind", "channels", "blocks"), CASES)
def test_the_shipped_graphs_are_what_the_builder_writes(kind, channels, blocks):
    built = BUILDERS[kind](TransformerNetwork(channels=channels, blocks=blocks))
    assert (VARIANTS_FOLDER / variant_file(kind, channels, blocks)).read_bytes() == built.SerializeToString()


FLOATS = {TensorProto.FLOAT, TensorProto.FLOAT16}
ALL = FLOATS | {TensorProto.UINT8, TensorProto.INT64}
# Types that the CUDA provider computes, of the operators that the graphs use: docs/OperatorKernels.md of ONNX
# Runtime, opset 21.
OF_FLOATS = "Conv DepthToSpace InstanceNormalization Pad ReduceMean ReduceSum Relu Sigmoid"
OF_ALL = "Add Cast Concat Identity Mul Reshape Slice Squeeze Transpose Unsqueeze"
ON_CUDA = dict.fromkeys(OF_FLOATS.split(), FLOATS) | dict.fromkeys(OF_ALL.split(), ALL)


@pytest.mark.parametrize(("kind", "channels", "blocks"), CASES)
def test_every_computing_node_has_a_kernel_for_its_types_on_cuda(kind, channels, blocks):
    """Nodes that CUDA lacks would run on the CPU, with copies of all features."""
    model = onnx.load(VARIANTS_FOLDER / variant_file(kind, channels, blocks), load_external_data=False)
    graph = shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    values = (*graph.value_info, *graph.input, *graph.output)
    types = {value.name: value.type.tensor_type.elem_type for value in values}
    types |= {tensor.name: tensor.data_type for tensor in graph.initializer}
    computing = [node for node in graph.node if types[node.output[0]] != TensorProto.INT64]
    assert len(computing) >= 5
    for node in computing:
        assert {types[node.input[0]], types[node.output[0]]} <= ON_CUDA.get(node.op_type, set()), node
