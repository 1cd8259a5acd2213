"""Pictures for cameras (QR codes), as inline SVG."""

from __future__ import annotations

import segno
from markupsafe import Markup


def drawn(text: str) -> Markup:
    """`text` as squares: black on white in the dark look, too, or cameras cannot read it."""
    picture = segno.make(text, error="m").svg_inline(scale=4, dark="#000", light="#fff", omitsize=True)
    return Markup(picture)  # noqa: S704  # drawn by segno from squares; no text of anybody's is in it
