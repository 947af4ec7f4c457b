"""Parts of a photo by their names."""

from __future__ import annotations

from PIL import Image

from stylecore.regions.masks import invert

PARTS = ("subject", "background", "faces")


def find_part(image: Image.Image, part: str) -> Image.Image | None:
    """Find a part of a photo.

    Args:
        image: Photo, as `load_image` returns it.
        part: One of `PARTS`.
    Returns:
        Soft mask of the part, mode L, of the photo's size; None if there is no subject, or no face.
    Raises:
        ValueError: Another part.
        WeightsError: The network that finds it is missing or damaged.
    """
    from stylecore.regions.faces import find_faces  # these need onnxruntime
    from stylecore.regions.subject import find_subject

    check_part(part)
    found = find_faces(image) if part == "faces" else find_subject(image)
    if found.getbbox() is None:
        return None
    return invert(found) if part == "background" else found


def check_part(part: str) -> None:
    """Refuse a part that cannot be found.

    Raises:
        ValueError: The message has the parts.
    """
    if part not in PARTS:
        raise ValueError(f"where is {part!r}: use {', '.join(PARTS)}")
