"""Photos that take long, or much memory, or claim to."""

import io

from PIL import Image

_START_OF_SCAN = b"\xff\xda"
_END = b"\xff\xd9"


def slow_jpeg(repetitions: int = 20_000) -> bytes:
    """Return a progressive JPEG that is correct, small, and takes minutes to decode.

    Its last scan is there again and again, and each goes over all of its 16 million pixels.
    """
    content = io.BytesIO()
    Image.new("L", (4096, 4096), 90).save(content, "JPEG", progressive=True, quality=30)
    whole = content.getvalue()
    last = whole.rindex(_START_OF_SCAN)
    scan = whole[last : -len(_END)]
    return whole[:last] + scan * repetitions + _END


def large_png(side: int = 13_000) -> bytes:
    """Return a PNG of few bytes whose pixels take more memory than a photo may."""
    content = io.BytesIO()
    Image.new("1", (side, side), 1).save(content, "PNG")
    return content.getvalue()
