"""A paper that somebody sends: a permission, a letter, a court's paper. A picture or a PDF, sealed, with a clock.

A picture is opened safely and saved anew. A PDF is kept as it came: nothing here opens it, and it is only ever handed
to a caseworker as a file to save.
"""

from __future__ import annotations

from dataclasses import dataclass

from portal import images
from portal.config import Config
from portal.errors import BadInput, TooLarge
from portal.languages import gettext as _

LONGEST_SIDE = 2400
QUALITY = 88
PDF = "application/pdf"
# A PDF begins with its mark, perhaps after a few other bytes, and ends with another (ISO 32000-1, 7.5.2 and 7.5.5).
HEAD, TAIL = 1024, 2048


@dataclass(frozen=True)
class Paper:
    """A paper made ready to be kept: its bytes, and what they are."""

    data: bytes
    media_type: str


def prepare_paper(config: Config, data: bytes) -> Paper:
    """Look what it is, and make a picture safe. Slow: needs no session, hold none. Raises BadInput, TooLarge."""
    if not data:
        raise BadInput(_("This file is empty. Choose another one."), "empty")
    if len(data) > config.upload_megabytes * 1024 * 1024:
        most = config.upload_megabytes
        raise TooLarge(_("This file is too big. It may have at most %(most)s megabytes.", most=most))
    if b"%PDF-" in data[:HEAD]:
        return _pdf(data)
    picture = images.open_picture(data)
    return Paper(images.to_jpeg(picture.pixels, quality=QUALITY, longest=LONGEST_SIDE), "image/jpeg")


def _pdf(data: bytes) -> Paper:
    if b"%%EOF" not in data[-TAIL:]:
        raise BadInput(_("This file is not whole. Save it again as a PDF, or send a photo of the paper."), "half-a-pdf")
    if b"/Encrypt" in data:
        raise BadInput(_("This PDF asks for a password. Send one without, or a photo of the paper."), "locked-pdf")
    return Paper(data, PDF)
