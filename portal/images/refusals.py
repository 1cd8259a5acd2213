"""Why a picture is refused: a stable code, and a sentence that says what happened and what to do."""

from __future__ import annotations

from portal.errors import BadPicture
from portal.languages import gettext as _
from portal.languages import mark

SENTENCES = {
    "empty": mark("This file is empty. Please choose the picture again."),
    "not-an-image": mark(
        "This file is not a picture that we can open. Please send a photo as JPEG, PNG, WebP, HEIC, AVIF, GIF or TIFF."
    ),
    "truncated": mark("The end of this picture is missing. Please send it again, or send another copy."),
    "damaged": mark("This picture is damaged and does not open. Please send another copy."),
    "too-many-bytes": mark("This file is too large. Please send a smaller copy of the picture."),
    "too-many-pixels": mark("This picture has more than 64 million pixels. Please send a smaller copy."),
    "too-small": mark("This picture is less than 8 pixels wide or high. Please send a larger copy."),
    "too-costly": mark(
        "Opening this picture took too much time or memory, so we stopped. Please save it as a JPEG and send that."
    ),
}


def refusal(code: str) -> BadPicture:
    """The error for `code`, one of SENTENCES, in the language spoken now."""
    return BadPicture(_(SENTENCES[code]), code)
