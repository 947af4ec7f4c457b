import pytest

from export.variants import BUILDERS, WIDTHS
from stylecore.instant.variants import VARIANTS_FOLDER, variant_file
from stylecore.learning.networks import TransformerNetwork

CASES = [(kind, channels, blocks) for kind in BUILDERS for channels, blocks in WIDTHS]


@pytest.mark.parametrize(("kind", "channels", "blocks"), CASES)
def test_the_shipped_graphs_are_what_the_builder_writes(kind, channels, blocks):
    built = BUILDERS[kind](TransformerNetwork(channels=channels, blocks=blocks))
    assert (VARIANTS_FOLDER / variant_file(kind, channels, blocks)).read_bytes() == built.SerializeToString()
