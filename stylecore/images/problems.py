"""What is wrong with a picture file."""


class PictureProblem(Exception):  # noqa: N818 - it is the reason in an `ImageError`
    """The rest of a sentence that begins with the file's name, for the user."""
