"""Pages of paper as PDF: fpdf2's only door. Noto Sans, shaped by HarfBuzz; what it cannot write is said by name.

It writes Latin, Greek, Cyrillic, Devanagari and Arabic letters, and lays Arabic out from right to left.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from importlib import resources
from io import BytesIO
from pathlib import Path

from fpdf import FPDF, Align, FontFace, XPos, YPos
from fpdf.fonts import TTFFont

from portal import clock
from portal.errors import BadInput
from portal.languages import gettext as _
from portal.languages import isolated, known

# The first has Latin, Greek, Cyrillic and Devanagari letters; what it lacks is taken from the second.
FAMILY, ARABIC = "Noto Sans", "Noto Sans Arabic"
MARGIN = 22
TEXT, SMALL = 11, 9
HEADINGS = {1: 18, 2: 13}
# The two colours of a chart differ in lightness too, so that it can be read in black and white.
DARK, PALE, LINE = (31, 78, 121), (240, 170, 120), (150, 150, 150)


class Paper:
    """An A4 document being written from top to bottom, millimetres as units. `finish` gives the bytes."""

    def __init__(self, title: str, language: str = "en", foot: str = "") -> None:
        spoken = known(language)
        self._align = Align.R if spoken.direction == "rtl" else Align.L
        self._pdf = _Pages(foot)
        self._pdf.set_title(title)
        self._pdf.set_lang(language)
        self._pdf.set_creation_date(clock.now())
        self._pdf.set_margins(MARGIN, MARGIN)
        self._pdf.set_auto_page_break(True, MARGIN)
        _add_typefaces(self._pdf)
        self._pdf.set_text_shaping(True, direction=spoken.direction)
        self._pdf.set_font(FAMILY, size=TEXT)
        self._written = title + foot
        self._pdf.add_page()

    def heading(self, text: str, level: int = 2) -> None:
        """A heading, which also stands in the outline of the document. `level` is 1 or 2."""
        self._pdf.start_section(self._seen(text), level - 1)
        self._pdf.ln(3)
        self._lines(text, HEADINGS[level])
        self._pdf.ln(1)

    def paragraph(self, text: str, small: bool = False) -> None:
        """Text that is wrapped; its own line breaks are kept."""
        self._lines(self._seen(text), SMALL if small else TEXT)
        self._pdf.ln(2)

    def picture(self, png: bytes, words: str) -> None:
        """A small picture of at most 60 x 15 mm; `words` are read to those who do not see it."""
        self._pdf.image(BytesIO(png), MARGIN, MARGIN, 60, 15, alt_text=words, keep_aspect_ratio=True)
        self._pdf.set_y(MARGIN + 15 + 5)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
        """A table with its head on each page. `widths` are parts of the whole width."""
        self._pdf.set_font(FAMILY, size=SMALL)
        shade = FontFace(emphasis="", fill_color=(235, 238, 241))
        with self._pdf.table(col_widths=tuple(widths), headings_style=shade, line_height=5, text_align="LEFT") as table:
            for row in (head, *rows):
                table.row([self._seen(cell) for cell in row])
        self._pdf.set_font(FAMILY, size=TEXT)
        self._pdf.ln(3)

    def bars(self, rows: Sequence[tuple[str, int, int, str]]) -> None:
        """One bar a row: name, the dark part, the pale part, and the words behind the bar."""
        height, left, width = 8.0, 45.0, 70.0
        for name, dark, pale, words in rows:
            if self._pdf.will_page_break(height):
                self._pdf.add_page()
            top, whole = self._pdf.get_y(), dark + pale
            self._pdf.cell(left, height, self._seen(name))
            at = MARGIN + left
            for count, colour in ((dark, DARK), (pale, PALE)):
                long = width * count / whole if whole else 0.0
                self._pdf.set_fill_color(*colour)
                self._pdf.rect(at, top + 1.5, long, height - 3, style="F")
                at += long
            self._pdf.set_draw_color(*LINE)
            self._pdf.rect(MARGIN + left, top + 1.5, width, height - 3)
            self._pdf.set_xy(MARGIN + left + width + 3, top)
            self._pdf.cell(0, height, self._seen(words), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        # The cells of a table that comes next are white.
        self._pdf.set_fill_color(255)
        self._pdf.ln(3)

    def finish(self) -> bytes:
        """The document. Raises BadInput naming the letters that the typefaces cannot write."""
        check_letters(self._written)
        return bytes(self._pdf.output())

    def _seen(self, text: str) -> str:
        self._written += text
        return text

    def _lines(self, text: str, size: int) -> None:
        self._pdf.set_font(FAMILY, size=size)
        self._pdf.multi_cell(0, size * 0.52, text, align=self._align, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self._pdf.set_font(FAMILY, size=TEXT)


class _Pages(FPDF):
    """Numbers its pages."""

    def __init__(self, foot: str) -> None:
        super().__init__(format="A4")
        self._foot = foot

    def footer(self) -> None:
        self.set_y(-15)
        self.set_font(FAMILY, size=SMALL)
        number = _("Page %(number)s", number=self.page_no())
        self.cell(0, 5, f"{self._foot}  {number}".strip(), align="C")
        self.set_font(FAMILY, size=TEXT)


def check_letters(*texts: str) -> None:
    """Raises BadInput naming the letters of the texts that no typeface has: on paper they would be empty boxes."""
    unknown = {letter for text in texts for letter in text if letter.isprintable() and ord(letter) not in _letters()}
    if unknown:
        listed = " ".join(sorted(unknown)[:20])
        raise BadInput(
            _("The PDF cannot write these letters: %(letters)s. Print the page instead.", letters=isolated(listed)),
            "letters-missing",
        )


@functools.cache
def _letters() -> frozenset[int]:
    """Code points of all letters that can be written."""
    pdf = FPDF()
    _add_typefaces(pdf)
    return frozenset(point for font in pdf.fonts.values() if isinstance(font, TTFFont) for point in font.cmap)


def _add_typefaces(pdf: FPDF) -> None:
    pdf.add_font(FAMILY, "", _typeface("fontpkg_noto_sans"))
    pdf.add_font(ARABIC, "", _typeface("fontpkg_noto_sans_arabic"))
    pdf.set_fallback_fonts([ARABIC])


@functools.cache
def _typeface(package: str) -> Path:
    """The upright font file of an installed package."""
    folder = Path(str(resources.files(package))) / "files"
    return next(path for path in sorted(folder.glob("NotoSans*.ttf")) if "Italic" not in path.name)
