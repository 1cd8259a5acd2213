"""How old one must be to read what persons read: measured, by the formula that the United States Navy had made.

Kincaid, Fishburne, Rogers and Chissom, "Derivation of New Readability Formulas for Navy Enlisted Personnel", 1975: the
grade is 0.39 x words in a sentence + 11.8 x syllables in a word - 15.59. A child of grade 5 is ten or eleven years old.
Syllables are counted as groups of vowels, without an e that is not heard: off by one in about a word of ten.
"""

from __future__ import annotations

import re
from collections import defaultdict

import pytest
from babel.messages.catalog import Catalog

from portal.languages.extracting import PLACEHOLDER, TAG, texts_in_source

# Ten years: all of a page together. One text of it may be harder, as a short one is by a single long word.
GRADE_OF_A_PAGE, GRADE_OF_A_TEXT = 5.0, 8.0
# The formula says nothing about a label.
FEWEST_WORDS = 10
WORD = re.compile(r"[A-Za-z]+(?:['’-][A-Za-z]+)*")
SENTENCE = re.compile(r"[.!?:](?:\s|$)|\n+")
NOT_HEARD = re.compile(r"(?<![aeiouytd])ed$|(?<![aeiouylcgsxz])(?<!ch)(?<!sh)es$|(?<![aeiouyl])e$|(?<=[aeiouy]l)es?$")
# Words that say nothing to who is in the photographs, or say that they are a thing.
NEVER = re.compile(r"\b(?:users?|customers?|scores?|DSARs?|SARs?|data subjects?|match|matches|biometrics)\b|%%", re.I)


def syllables(word: str) -> int:
    heard = NOT_HEARD.sub("", re.sub(r"[^a-z]", "", word.lower()))
    return max(1, len(re.findall(r"[aeiouy]+", heard)))


def grade(text: str) -> float:
    """Years at school. What is put in counts as one short word."""
    plain = TAG.sub("", PLACEHOLDER.sub("it", text))
    words = WORD.findall(plain)
    sentences = [part for part in SENTENCE.split(plain) if WORD.search(part)]
    return 0.39 * len(words) / len(sentences) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59


@pytest.fixture(scope="module")
def pages() -> dict[str, list[str]]:
    """The English texts that persons read, by the file they are in; names in law are as they are."""
    found: dict[str, list[str]] = defaultdict(list)
    source: Catalog = texts_in_source()
    for one in source:
        for file in sorted({file for file, _line in one.locations if not file.endswith(".toml")}):
            found[file].append(one.id if isinstance(one.id, str) else one.id[1])
    return found


def test_the_measure_tells_a_child_s_book_from_a_law() -> None:
    counted = {"photo": 2, "face": 1, "faces": 2, "files": 1, "deleted": 3, "asked": 1, "people's": 2, "certificate": 4}
    assert {word: syllables(word) for word in counted} == counted
    assert grade("The cat sat on the mat.") == pytest.approx(0.39 * 6 + 11.8 - 15.59)
    law = "The data subject shall have the right to obtain from the controller confirmation as to whether or not "
    assert grade(f"{law}personal data concerning him or her are being processed.") > 12


def test_each_text_can_be_read_by_a_child(pages: dict[str, list[str]]) -> None:
    texts = {text for said in pages.values() for text in said if len(WORD.findall(text)) >= FEWEST_WORDS}
    assert len(texts) > 400
    assert [f"{grade(text):.1f} {text}" for text in sorted(texts) if grade(text) > GRADE_OF_A_TEXT] == []


def test_each_page_can_be_read_at_ten(pages: dict[str, list[str]]) -> None:
    whole = {file: ".\n".join(said) for file, said in pages.items()}
    long = {file: text for file, text in whole.items() if len(WORD.findall(text)) >= 10 * FEWEST_WORDS}
    assert len(long) > 30
    assert [f"{grade(text):.1f} {file}" for file, text in sorted(long.items()) if grade(text) > GRADE_OF_A_PAGE] == []


def test_nobody_is_called_a_user_and_nothing_is_scored(pages: dict[str, list[str]]) -> None:
    assert [text for said in pages.values() for text in said if NEVER.search(text)] == []
