"""How much was searched, and why the rest was not, in plain words. Pure, so that a certificate is read offline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

# Store name -> kind -> photographs. As JSON it is part of a search and of a certificate.
Report = dict[str, dict[str, int]]

# Each photograph that was seen counts under one kind. Faces of the first three can be compared.
KINDS = {
    "searched": "a face was found that can be compared",
    "fallback": "only our second way to look for faces saw one, which can be compared",
    "too-small": "the faces are very small: they can be compared, but are easier to miss",
    "old-encoder": "no face is compared, because they were prepared with an older encoder: they must be scanned again",
    "faceless": "no face is compared, because we saw none in them",
    "unreadable": "not searched, because the files could not be opened",
    "stopped": "not searched, because they are kept out, as we promised when they were erased",
    "not-looked-at": "not searched, because the scan had not come to them yet",
}
COMPARED = ("searched", "fallback", "too-small")


def totals(report: Report) -> dict[str, int]:
    """The kinds of all stores together, in the order in which they are spoken of."""
    together: Counter[str] = Counter()
    for kinds in report.values():
        together.update(kinds)
    return {kind: together[kind] for kind in KINDS if together[kind]}


def summary(report: Report) -> str:
    """One or two sentences: how many photographs in how many stores, and in how many a face can be compared."""
    kinds = totals(report)
    seen, compared = sum(kinds.values()), sum(kinds.get(kind, 0) for kind in COMPARED)
    if not seen:
        return "There were no photographs that we could search."
    stores = "1 store" if len(report) == 1 else f"{len(report):,} stores"
    rest = f"In {counted(seen - compared)} there are none." if seen > compared else "That is all of them."
    return f"We hold {counted(seen)} in {stores}. In {counted(compared)} there are faces that we can compare. {rest}"


def lines(kinds: Mapping[str, int]) -> list[str]:
    """What became of the photographs of a store, or of all together: a line for each kind."""
    return [f"{counted(kinds[kind])}: {words}" for kind, words in KINDS.items() if kinds.get(kind)] or [
        "no photographs were seen there"
    ]


def counted(number: int) -> str:
    return "1 photograph" if number == 1 else f"{number:,} photographs"
