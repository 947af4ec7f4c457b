"""Records travel as JSON and are checked when they come back."""

import json
from dataclasses import asdict, dataclass, replace

import pytest

from stylecore.optimization.config import QUALITIES, OptimizationConfig
from stylecore.serving.records import read_record, write_record


@dataclass(frozen=True)
class Kept:
    data: bytes
    size: tuple[int, int]
    parts: tuple[bytes, ...]
    shares: tuple[float, ...] = ()
    first: bytes | None = None
    config: OptimizationConfig = OptimizationConfig()


def test_a_record_comes_back_equal():
    kept = Kept(b"\0\xff", (3, 4), (b"a", b""), (0.1, 2.0), None, replace(QUALITIES["best"], stroke_size=300))
    assert read_record(Kept, write_record(kept)) == kept
    assert read_record(Kept, write_record(replace(kept, first=b"x"))).first == b"x"


def test_left_out_fields_are_those_of_the_base():
    base = QUALITIES["best"]
    read = read_record(
        OptimizationConfig, '{"steps": 3, "tv_weight": 1, "style_layers": ["relu1_1"]}', base=base
    )
    assert read == replace(base, steps=3, tv_weight=1.0, style_layers=("relu1_1",))
    assert isinstance(read.tv_weight, float)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[]", "an object is needed"),
        ('{"speed": 1}', "has no speed"),
        ('{"steps": "many"}', "steps is 'many': int is needed"),
        ('{"steps": true}', "steps is True"),
        ('{"style_layers": "relu1_1"}', "a list is needed"),
        ("{", "Expecting property name"),
    ],
)
def test_what_does_not_fit_is_named(text, complaint):
    with pytest.raises(ValueError, match=complaint):
        read_record(OptimizationConfig, text, base=OptimizationConfig())


@pytest.mark.parametrize(
    ("change", "complaint"), [({"data": "?"}, "base64"), ({"size": [1]}, "2 are needed")]
)
def test_bytes_and_tuples_are_checked(change, complaint):
    plain = json.loads(write_record(Kept(b"a", (1, 2), ())))
    with pytest.raises(ValueError, match=complaint):
        read_record(Kept, json.dumps(plain | change))
    del plain["size"]
    with pytest.raises(ValueError, match="lacks size"):
        read_record(Kept, json.dumps(plain))


def test_settings_of_all_qualities_survive():
    for config in QUALITIES.values():
        assert read_record(OptimizationConfig, json.dumps(asdict(config))) == config
