import io
import pickle
import random
import struct
import zipfile
from contextlib import suppress
from itertools import pairwise

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from stylecore.errors import StyleError
from stylecore.instant.foreign import ForeignNetwork
from stylecore.styles.files import MAX_NETWORK_BYTES
from stylecore.styles.foreign.building import IMAGE, GraphBuilder
from stylecore.styles.foreign.importing import import_network
from stylecore.styles.foreign.writing import encode_graph
from tests.styles.foreign.networks import ExamplesNetwork, LuaNetwork, layer, saved, sequential
from tests.styles.foreign.onnx_files import ZooWriter, make_model
from tests.styles.foreign.torch7_writer import Torch7Writer, encode_torch7

SIZE = [1, 3, "h", "w"]


def refusal(data: bytes) -> str:
    with pytest.raises(StyleError) as caught:
        import_network(data)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 300
    return message


def examples_state() -> dict:
    return ExamplesNetwork().state_dict()


def model(*nodes: onnx.NodeProto, weights: dict[str, np.ndarray] | None = None, **more: object) -> bytes:
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in (weights or {}).items()]
    return make_model(list(nodes), "image", "out", SIZE, tensors, ir_version=8, **more)


# Files of any kind


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"4\n1\n3\nV 1\n", b"\x89HDF\r\n\x1a\n", b"\x93NUMPY"])
def test_other_files_are_refused(data):
    assert "a .t7 of torch7" in refusal(data)


def test_files_that_are_missing_or_too_large_are_refused(tmp_path):
    with pytest.raises(StyleError, match=r"none\.t7 does not exist"):
        import_network(tmp_path / "none.t7")
    with (tmp_path / "large.onnx").open("wb") as file:
        file.truncate(MAX_NETWORK_BYTES + 1)
    with pytest.raises(StyleError, match=r"large\.onnx is too large: at most 100 MB"):
        import_network(tmp_path / "large.onnx")


@pytest.mark.parametrize("kind", ["t7", "pth", "old pth", "onnx"])
def test_cut_and_mutated_files_are_imported_or_refused_in_one_sentence(kind):
    network = ExamplesNetwork(width=2)
    data = {
        "t7": lambda: LuaNetwork(width=2).encode(),
        "pth": lambda: saved(network.state_dict()),
        "old pth": lambda: saved(network.state_dict(), is_old=True),
        "onnx": lambda: ZooWriter(network).encode(),
    }[kind]()
    chance = random.Random(0)
    for _ in range(40):
        refusal(data[: chance.randrange(len(data) - 40)])
    for turn in range(60):
        mutated = bytearray(data)
        end = min(2000, len(data)) if turn % 2 else len(data)
        for _ in range(chance.randrange(1, 5)):
            mutated[chance.randrange(4, end)] = chance.randrange(256)
        with suppress(StyleError):  # any other error fails
            import_network(bytes(mutated))


# torch7


def test_lua_functions_are_refused():
    for kind in (6, 7, 8):
        assert "Lua function" in refusal(struct.pack("<iiiii", 3, 1, 1, kind, 9) + bytes(40))


def test_deep_tables_are_refused():
    value: dict = {}
    for _ in range(200):
        value = {"a": value}
    assert "60 in one another" in refusal(encode_torch7(value))


def test_tables_that_hold_themselves_end():
    network = layer("Sequential")
    writer = Torch7Writer()
    writer.begin("nn.Sequential")
    writer.data += struct.pack("<iii", 3, 2, 1)  # a table of one entry
    writer.write("modules")
    writer.data += struct.pack("<iii", 3, 3, 1)
    writer.write(1)
    writer.data += struct.pack("<ii", 4, 1)  # the network again
    assert "it is no network" in refusal(bytes(writer.data))
    assert "has no layers" in refusal(encode_torch7(network))


def test_sizes_that_a_t7_does_not_hold_take_no_memory():
    data = LuaNetwork(width=2).encode()
    place = data.index(b"torch.FloatStorage") + len(b"torch.FloatStorage")
    assert "whole file" in refusal(data[:place] + struct.pack("<q", 1 << 60) + data[place + 8 :])
    place = data.index(b"torch.FloatTensor", data.index(b"weight")) + len(b"torch.FloatTensor") + 4
    assert "reaches beyond" in refusal(data[:place] + struct.pack("<q", 1 << 40) + data[place + 8 :])
    assert "cut or damaged" in refusal(struct.pack("<iii", 3, 1, 1 << 30) + bytes(64))


def test_layers_that_are_not_known_are_named():
    assert "'nn.Linear'" in refusal(encode_torch7({"model": sequential(layer("Linear"))}))
    assert "'os.execute'" in refusal(encode_torch7(type(layer("ReLU"))("os.execute", {"command": "ls"})))
    assert "does not have" in refusal(
        encode_torch7(sequential(layer("InstanceNormalization", nOutput=9, weight=np.ones(3, np.float32))))
    )


def test_a_network_that_shrinks_pictures_is_refused():
    assert "another size" in refusal(encode_torch7(sequential(layer("ShaveImage", size=3))))


# torch


class Code:
    def __reduce__(self) -> tuple:
        return print, ("code was run",)


@pytest.mark.parametrize("is_old", [False, True])
def test_code_in_a_pickle_is_not_run(capsys, is_old):
    assert "code or objects" in refusal(saved({"conv1.conv2d.weight": Code()}, is_old=is_old))
    assert "code or objects" in refusal(pickle.dumps(Code(), protocol=2))
    assert "code or objects" in refusal(saved(ExamplesNetwork(), is_old=is_old))
    assert not capsys.readouterr().out


def test_compressed_archives_are_refused():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(50_000_000))
    assert "compressed archive" in refusal(buffer.getvalue())


def test_weights_that_are_no_network_are_refused():
    assert "no table" in refusal(saved([torch.zeros(3)]))
    assert "conv1.conv2d.weight is missing" in refusal(saved({"a": torch.zeros(3)}))
    assert "something else" in refusal(saved({"a": 5}))
    expanded = {"conv1.conv2d.weight": torch.zeros(1).expand(1 << 20, 1 << 20)}
    assert "are accepted" in refusal(saved(expanded))
    assert "'more'" in refusal(saved(examples_state() | {"more": torch.zeros(3)}))
    assert "finite" in refusal(saved(examples_state() | {"in1.weight": torch.full((4,), torch.nan)}))
    assert "residual blocks" in refusal(saved(examples_state() | {"res900.in1.weight": torch.zeros(3)}))
    swapped = examples_state() | {"deconv3.conv2d.weight": torch.zeros(3, 7, 9, 9)}
    assert "does not fit" in refusal(saved(swapped))


# ONNX


def test_control_flow_and_other_operators_are_refused():
    body = helper.make_graph([], "body", [], [])
    assert "control flow" in refusal(model(helper.make_node("Loop", ["image"], ["out"], body=body)))
    assert "control flow" in refusal(
        model(helper.make_node("If", ["image"], ["out"], then_branch=body, else_branch=body))
    )
    assert "'Scan'" in refusal(model(helper.make_node("Scan", ["image"], ["out"])))
    assert "'LSTM'" in refusal(model(helper.make_node("LSTM", ["image"], ["out"])))


def test_operators_of_other_domains_are_refused():
    node = helper.make_node("Relu", ["image"], ["out"], domain="com.evil")
    assert "'com.evil'" in refusal(model(node))


def test_functions_of_a_file_are_refused():
    function = helper.make_function(
        "own", "Relu", ["a"], ["b"], [helper.make_node("Abs", ["a"], ["b"])], [helper.make_opsetid("", 13)]
    )
    assert "functions of its own" in refusal(
        model(helper.make_node("Relu", ["image"], ["out"]), functions=[function])
    )


def test_external_data_is_refused():
    weight = TensorProto(name="w", data_type=1, dims=[3, 3, 1, 1], data_location=TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value="/etc/passwd")
    node = helper.make_node("Conv", ["image", "w"], ["out"])
    assert "another file" in refusal(make_model([node], "image", "out", SIZE, [weight], ir_version=8))


def test_tensors_that_lie_about_their_size_are_refused():
    weight = TensorProto(name="w", data_type=1, dims=[1 << 40, 3, 1, 1], raw_data=bytes(12))
    node = helper.make_node("Conv", ["image", "w"], ["out"])
    assert "as many values" in refusal(make_model([node], "image", "out", SIZE, [weight], ir_version=8))


def grown(count: int) -> bytes:
    """A network that enlarges the picture again and again."""
    names = ["image", *(f"t{place}" for place in range(count - 1)), "out"]
    nodes = [helper.make_node("Resize", [a, "", "s"], [b]) for a, b in pairwise(names)]
    return model(*nodes, weights={"s": np.float32([1, 1, 8, 8])})


def test_networks_that_would_take_too_much_memory_or_time_are_refused_unrun():
    assert "more memory" in refusal(grown(20))
    fill = helper.make_node("ConstantOfShape", ["s"], ["t"])
    add = helper.make_node("Add", ["image", "t"], ["out"])
    assert "fills" in refusal(model(fill, add, weights={"s": np.int64([1, 3, 100_000, 100_000])}))
    pad = helper.make_node("Pad", ["image", "p"], ["out"], mode="constant")
    assert "more memory" in refusal(model(pad, weights={"p": np.int64([0, 0, 0, 0, 0, 0, 10**6, 10**6])}))
    weights = {"w": np.zeros((3, 3, 801, 801), np.float32)}
    conv = helper.make_node("Conv", ["image", "w"], ["out"], pads=[400] * 4)
    assert "longer" in refusal(model(conv, weights=weights))


def test_networks_with_fixed_sizes_or_several_pictures_are_refused():
    reshape = helper.make_node("Reshape", ["image", "s"], ["out"])
    assert "fixed" in refusal(model(reshape, weights={"s": np.int64([1, 3, 100, 100])}))
    two = helper.make_node("Add", ["image", "none"], ["out"])
    assert "does not fit" in refusal(model(two))
    shape = [1, 4, "h", "w"]
    assert "3 channels" in refusal(
        make_model([helper.make_node("Relu", ["image"], ["out"])], "image", "out", shape, ir_version=8)
    )


def test_a_stored_network_is_checked_again_before_it_is_run():
    with pytest.raises(StyleError, match="import it once more"):
        ForeignNetwork(model(helper.make_node("Relu", ["image"], ["out"])))
    bomb = grown(20).replace(b"out", b"stylized")
    with pytest.raises(StyleError):
        ForeignNetwork(bomb)
    with pytest.raises(StyleError):
        ForeignNetwork(b"\x08")


def test_a_stored_network_that_does_not_run_is_one_sentence():
    build = GraphBuilder()
    short = build.weight(np.ones(2, np.float32))  # for three channels
    graph = build.graph(build.add("InstanceNormalization", IMAGE, short, short))
    with pytest.raises(StyleError, match="it is damaged"):
        ForeignNetwork(encode_graph(graph))
