"""Whatever is marked is translated, in every language that there is."""

from __future__ import annotations

import pytest
from babel.messages.catalog import Catalog

from portal.languages.catalogues import read_texts
from portal.languages.extracting import problems, texts_in_source, translated


@pytest.fixture(scope="module")
def source() -> Catalog:
    return texts_in_source()


@pytest.mark.parametrize("code", translated())
def test_nothing_is_missing_or_wrong(code: str, source: Catalog) -> None:
    assert problems(source, read_texts(code)) == []
