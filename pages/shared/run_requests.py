"""What the visitor asked for in a custom run: whoever finds its job again sees this."""

from __future__ import annotations

from dataclasses import dataclass

from stylecore import LearningConfig, OptimizationConfig


@dataclass(frozen=True)
class RefinementRequest:
    """The pictures and settings of a refinement.

    Attributes:
        photo: Encoded at screen size.
        size: Width and height of the photo itself.
        styles: Style pictures, encoded at screen size.
        shares: Weights of the styles.
        names: Names of the photo and the styles.
        first: Encoded instant painting, shown until the run has a picture; None if it begins elsewhere.
        config: Settings that the visitor chose.
        quality: Name of the quality that they come from.
        words: The settings as text for the page: "quick, medium strokes, balanced".
        choice: What was chosen, to compare with what is chosen now.
        regions: How parts were matched: `subject`, `brush` or `colors`; empty: the pictures were taken whole.
        strokes: What was brushed: key of the widget, version of its picture, and the strokes as PNG.
    """

    photo: bytes
    size: tuple[int, int]
    styles: tuple[bytes, ...]
    shares: tuple[float, ...]
    names: tuple[str, ...]
    first: bytes | None
    config: OptimizationConfig
    quality: str
    words: str
    choice: str = ""
    regions: str = ""
    strokes: tuple[tuple[str, str, bytes], ...] = ()

    @property
    def loss_label(self) -> str:
        """Title of the x axis of the losses."""
        return "step; each larger size begins with a jump" if self.config.is_coarse_to_fine else "step"


@dataclass(frozen=True)
class LearningRequest:
    """The pictures and settings of a learning.

    Attributes:
        photo: Photo that is painted as a sample, encoded at screen size.
        first: The instant painting of it, encoded.
        styles: Style pictures, encoded at screen size.
        names: Names of the photo and the styles.
        choice: What was chosen, to compare with what is chosen now.
        config: Settings.
        loss_label: Title of the x axis of the losses.
    """

    photo: bytes
    first: bytes
    styles: tuple[bytes, ...]
    names: tuple[str, ...]
    choice: str
    config: LearningConfig
    loss_label: str = "report"
