"""How much was searched, and why the rest was not, in plain words. Pure, so that a certificate is read offline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from portal.languages import gettext as _
from portal.languages import mark, ngettext

# Store name -> kind -> photographs. As JSON it is part of a search and of a certificate.
Report = dict[str, dict[str, int]]

# Set aside before they are deleted: portal.stores.quarantine.
SET_ASIDE = "set-aside"
# Each photograph that was seen counts under one kind. Faces of the first three can be compared.
KINDS = {
    "searched": mark("a face was found that can be compared"),
    "fallback": mark("only our second way to look for faces saw one, which can be compared"),
    "too-small": mark("the faces are very small: they can be compared, but are easier to miss"),
    "old-encoder": mark(
        "no face is compared, because they were prepared with an older encoder: they must be scanned again"
    ),
    "faceless": mark("no face is compared, because we saw none in them"),
    "unreadable": mark("not searched, because the files could not be opened"),
    "stopped": mark("not searched, because they are kept out, as we promised when they were erased"),
    SET_ASIDE: mark("not searched, because they are soon to be deleted for somebody"),
    "not-looked-at": mark("not searched, because the scan had not come to them yet"),
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
        return _("There were no photographs that we could search.")
    # For translators: put in after "photographs in", below.
    stores = ngettext("%(num)s store", "%(num)s stores", len(report))
    sentences = (
        ngettext(
            "We hold %(num)s photograph in %(stores)s.",
            "We hold %(num)s photographs in %(stores)s.",
            seen,
            stores=stores,
        ),
        ngettext(
            "In %(num)s photograph there are faces that we can compare.",
            "In %(num)s photographs there are faces that we can compare.",
            compared,
        ),
        ngettext("In %(num)s photograph there are none.", "In %(num)s photographs there are none.", seen - compared)
        if seen > compared
        else _("That is all of them."),
    )
    return " ".join(sentences)


def lines(kinds: Mapping[str, int]) -> list[str]:
    """What became of the photographs of a store, or of all together: a line for each kind."""
    said = [
        _("%(photographs)s: %(what)s", photographs=counted(kinds[kind]), what=_(words))
        for kind, words in KINDS.items()
        if kinds.get(kind)
    ]
    return said or [_("no photographs were seen there")]


def counted(number: int) -> str:
    return ngettext("%(num)s photograph", "%(num)s photographs", number)
