"""The errors that callers of `stylecore` may want to catch."""


class StyleTransferError(Exception):
    """Base of all errors raised on purpose; the message is meant for the user."""


def describe(error: Exception) -> str:
    """An error in words for the user; one that was not raised on purpose is named."""
    if isinstance(error, (StyleTransferError, ValueError, OSError)) and str(error).strip():
        return str(error)
    if isinstance(error, MemoryError):
        return "too little memory was free"
    return f"{type(error).__name__}: {str(error).strip() or 'no message'}"


class ImageError(StyleTransferError):
    """A picture cannot be read, is too small, or is too large."""


class ClipError(StyleTransferError):
    """A clip cannot be read, written or painted, or is beyond a limit."""


class StyleError(StyleTransferError):
    """A style is unknown, or a blend of styles has unusable weights."""


class WeightsError(StyleTransferError):
    """A file in `weights/` is missing, damaged, or not of the expected form."""


class DeviceError(StyleTransferError):
    """The requested device does not really start."""


class MissingExtraError(StyleTransferError):
    """A package that only some features need is not installed; the message says how to install it."""


class ServerError(StyleTransferError):
    """A painting server is away, busy or out of time, or its answer cannot be used.

    Attributes:
        status: HTTP status of its answer; 0 if there was none.
    """

    status = 0


class DivergenceError(StyleTransferError):
    """A loss is not a number any more, or stays far above the lowest it had."""


class CheckpointError(StyleTransferError):
    """A checkpoint that was asked for is missing, damaged, or does not fit."""


class OutOfMemoryError(StyleTransferError):
    """No settings fit into the memory that is free; the message says how much is needed."""


class StoppedError(StyleTransferError):
    """A painting was stopped before its end, as its caller asked."""
