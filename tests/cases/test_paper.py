"""Paper as PDF, read back by another program: the words are all there, and what cannot be written is said."""

from __future__ import annotations

import io

import numpy as np
import pytest
from pypdf import PdfReader
from sqlalchemy.orm import Session

from portal import images
from portal.cases.figures import report_paper, reports
from portal.cases.paper import Paper
from portal.errors import BadInput
from tests.cases.figures.test_reports import YEAR, asked


def words_of(data: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages).split())


def test_words_of_three_alphabets_can_be_read_back_from_shaped_text() -> None:
    paper = Paper("Office", "de", "Efface")
    said = "Your office difficulty. Ihr Büro, Łódź. Ελληνικά. Кириллица."
    paper.heading("A heading", 1)
    paper.paragraph(said)
    data = paper.finish()
    read = PdfReader(io.BytesIO(data))
    assert said in words_of(data)
    assert read.metadata is not None
    assert read.metadata.title == "Office"
    assert read.root_object["/Lang"] == "de"
    assert [str(entry.title) for entry in read.outline] == ["A heading"]


def test_arabic_and_hindi_are_shaped_and_can_be_written() -> None:
    for language, text in (("ar", "طلبت منا حذف صورك في \u206820 ديسمبر 2026\u2069."), ("hi", "आपकी तस्वीरें, क्षत्रिय।")):
        paper = Paper("EF-7K3M-Q2HX", language)
        paper.paragraph(text)
        data = paper.finish()
        assert PdfReader(io.BytesIO(data)).root_object["/Lang"] == language
        assert "20" in words_of(data) if language == "ar" else "आपकी" in words_of(data)


def test_text_runs_on_over_numbered_pages() -> None:
    paper = Paper("Long")
    paper.table(("What", "Number"), [(f"row {at}", str(at)) for at in range(120)], (1, 1))
    words = words_of(paper.finish())
    assert "row 119" in words
    assert "Page 2" in words
    assert words.count("What Number") >= 2


def test_a_picture_stands_above_the_text_and_is_described() -> None:
    paper = Paper("Note")
    logo = images.to_png(np.full((80, 400, 3), (0, 90, 156), np.uint8), 400)
    paper.picture(logo, "The archive")
    paper.paragraph("Below it.")
    data = paper.finish()
    [page] = PdfReader(io.BytesIO(data)).pages
    [picture] = page.images
    assert picture.image is not None
    assert picture.image.size == (400, 80)
    assert "Below it." in words_of(data)
    assert b"The archive" in data or "The archive".encode("utf-16-be") in data


def test_letters_that_the_typeface_lacks_are_named() -> None:
    paper = Paper("Note")
    paper.paragraph("你好")
    with pytest.raises(BadInput, match="你"):
        paper.finish()


def test_the_report_has_the_chart_and_every_figure_of_the_tables(session: Session) -> None:
    asked(session, "deletion", "EU", "fulfilled", 10)
    asked(session, "access", "US-CA", None, None)
    found = reports.report(session, *YEAR)
    words = words_of(report_paper.as_pdf(found, "Example e.V."))
    assert "1 of 1 in time" in words
    assert "Example e.V." in words
    for line in found.laws:
        assert line.name.split(",")[0] in words


def test_a_report_without_requests_is_one_sentence(session: Session) -> None:
    assert "Rights asked for: 0" in words_of(report_paper.as_pdf(reports.report(session, *YEAR), "Example"))
