import onnx

from export.yunet import free_size
from stylecore.regions.faces import MODEL, WEIGHTS_FOLDER


def test_the_shipped_network_is_one_of_fixed_size_made_free():
    shipped = onnx.load(WEIGHTS_FOLDER / MODEL)
    fixed = onnx.ModelProto()
    fixed.CopyFrom(shipped)
    for axis in (2, 3):
        fixed.graph.input[0].type.tensor_type.shape.dim[axis].dim_value = 640
    for output in fixed.graph.output:
        stride = int(output.name.rpartition("_")[2])
        output.type.tensor_type.shape.dim[1].dim_value = (640 // stride) ** 2
    assert fixed != shipped
    assert free_size(fixed) == shipped
