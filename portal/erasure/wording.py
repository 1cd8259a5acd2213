"""A certificate in plain words: what was erased, what was not, who was told. Pure, so that it works offline.

What is signed is in English. The words are in the language spoken now; days are written as they are in the file, so
that both can be laid side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from portal.erasure.items import ANSWERED
from portal.languages import day as written
from portal.languages import gettext as _
from portal.languages import isolated, mark, ngettext
from portal.matching import coverage_words

THINGS: dict[str, Callable[[int], str]] = {
    "image": lambda count: ngettext("%(num)s photograph", "%(num)s photographs", count),
    "templates": lambda count: ngettext(
        "%(num)s photograph's face templates", "%(num)s photographs' face templates", count
    ),
    "redaction": lambda count: ngettext(
        "%(num)s photograph with other people", "%(num)s photographs with other people", count
    ),
    "face": lambda count: ngettext("%(num)s face's templates", "%(num)s faces' templates", count),
    "copy": lambda count: ngettext("%(num)s copy made of a photograph", "%(num)s copies made of photographs", count),
    "crop": lambda count: ngettext("%(num)s cut-out of a face", "%(num)s cut-outs of faces", count),
    "record": lambda count: ngettext("%(num)s line of a manifest", "%(num)s lines of manifests", count),
    "dataset-place": lambda count: ngettext("%(num)s place in a dataset", "%(num)s places in datasets", count),
    "suppression": lambda count: ngettext("%(num)s suppression", "%(num)s suppressions", count),
    "model": lambda count: ngettext("%(num)s trained model", "%(num)s trained models", count),
    "output": lambda count: ngettext("%(num)s kept answer of a model", "%(num)s kept answers of a model", count),
    "product": lambda count: ngettext("%(num)s product", "%(num)s products", count),
    "recipient": lambda count: ngettext("%(num)s recipient", "%(num)s recipients", count),
}
UNLEARNING = mark("Nobody can prove from the weights of a model that it has forgotten something.")
# What stays: said with its number, where it has one.
KEPT: dict[str, Callable[[int], str]] = {
    "photographs": THINGS["image"],
    "suppressions": THINGS["suppression"],
    "faces": lambda count: ngettext(
        "%(num)s protected template of the face", "%(num)s protected templates of the face", count
    ),
    "feeds": lambda count: ngettext(
        "%(num)s line in a public list of what was taken out of a dataset",
        "%(num)s lines in public lists of what was taken out of datasets",
        count,
    ),
    "log": lambda _count: _("log"),
}
# What the person chose may be kept, and what that is.
MODES = {
    "photographs": mark("These are numbers made from each photograph. Nothing made from the face is in them."),
    "face": mark("A template is numbers made from the face. Nobody can look at it, and no search uses it."),
}
RESULTS = {
    "deleted": mark("deleted"),
    "already-absent": mark("already gone when we looked"),
    "suppressed": mark("set, so that the same photographs are not taken in again"),
    "face-kept": mark("set, and a protected template of the face is kept to hold back new photographs of it"),
    "not-suppressed": mark("not set, because the person asked that nothing is kept"),
    "masked": mark("stays, with the face covered"),
    "cropped": mark("stays, with the face cut away"),
    "template-dropped": mark("deleted, while the photograph stays as it was"),
    "destroyed": mark("destroyed"),
    "retrained-without": mark("trained again without the photographs"),
    "unlearned": mark("changed so that it forgets the photographs"),
    "output-suppressed": mark("not changed, but its answers about you are held back"),
    "not-affected": mark("not affected"),
    "kept": mark("kept as it is"),
    "told": mark("told to erase"),
    "not-reached": mark("could not be reached"),
    "not-yet-decided": mark("not decided yet"),
    "copy-appeared": mark("deleted, but a copy that was made of it after the approval is still there"),
    "residual": mark("still there, because a lock of the store keeps it"),
    "asked-of-holder": mark("still with somebody else, who was asked to erase it"),
    "held-court-order": mark("still there, because a court ordered that it is kept"),
    "held-regulator": mark("still there, because an authority asked that it is kept"),
    "held-legal-claim": mark("still there, because it is needed for a legal claim"),
    "held-investigation": mark("still there, because it is needed for an investigation"),
    "held-statute": mark("still there, because a law says that it must be kept for now"),
}
MACHINE = (
    "image",
    "copy",
    "redaction",
    "templates",
    "face",
    "crop",
    "record",
    "dataset-place",
    "suppression",
    "output",
)


def in_words(statement: dict[str, Any], items: list[dict[str, Any]]) -> list[str]:
    """The certificate as sentences, one a line; empty lines part the paragraphs. `items` give the notes."""
    notes = {item["position"]: item["note"] for item in items}
    return [
        *_head(statement),
        "",
        _("What was done:"),
        *(_done(statement) or ["  " + _("Nothing: no photograph was confirmed.")]),
        *_named(statement, "datasets", _("Taken out of these datasets:"), notes),
        *_named(statement, "models", _("Models trained on the photographs:"), notes),
        *_named(statement, "products", _("Products built on those models:"), notes),
        *_named(statement, "recipients", _("Who was told:"), notes),
        *_later(statement),
        *_stated(statement, "none_trained"),
        *_exceptions(statement),
        *_kept(statement),
        "",
        *_search(statement),
        _signed(statement["approval"]),
        *_reviewed(statement),
        *_stated(statement, "method"),
        _signed(statement["checked"]),
        _signed(statement["backups"]),
        *_backup(statement),
        *_stated(statement, "media"),
        *_stated(statement, "not_known"),
        *_stated(statement, "declaration"),
        *_stated(statement, "sworn"),
        *_stated(statement, "addressees"),
        *_stated(statement, "check"),
        *_complaint(statement),
    ]


def taken_before(found: list[dict[str, Any]]) -> list[str]:
    """What was erased before there was a plan, a line for each of what did that. `found` is that of `taken.before`."""
    return [_line(_things("image", one["count"]), _taken_by(one)) for one in found]


def _taken_by(one: dict[str, Any]) -> str:
    order = isolated(one.get("order", ""))
    if one["by"] == "order" and one["checked"] is None:
        return _(
            "deleted with a whole collection, before we came to your request (order %(order)s). "
            "We have not looked again yet",
            order=order,
        )
    if one["by"] == "order":
        return _(
            "deleted with a whole collection, before we came to your request (order %(order)s). "
            "It was gone when we looked again on %(day)s",
            order=order,
            day=_day(one["checked"]),
        )
    if one["by"] == "request":
        day = _day(one["checked"])
        return _(
            "deleted for another request, before we came to yours. It was gone when we looked again on %(day)s", day=day
        )
    return _("deleted before we came to your request. Our records do not say why")


def counted(counts: dict[str, dict[str, int]]) -> list[str]:
    """What the portal did itself, one line for each kind and result of a tally."""
    return [
        _line(_things(kind, count), result_in_words(result))
        for kind in MACHINE
        for result, count in sorted(counts.get(kind, {}).items())
    ]


def result_in_words(result: str) -> str:
    return _(RESULTS[result]) if result in RESULTS else result.replace("-", " ")


def _signed(text: str) -> str:
    """A sentence of the statement, which is signed in English, in the language spoken now."""
    return _(text.replace("%", "%%")) if text else ""


def _head(statement: dict[str, Any]) -> Iterator[str]:
    issuer, case, dates = statement["issuer"], statement["case"], statement["dates"]
    reference = isolated(str(case.get("reference")))
    yield _headline(statement["erasure"] == "opt-out", statement["extent"] == "full", reference)
    yield _(
        "Issued by %(organisation)s on %(day)s. Certificate %(certificate)s.",
        organisation=isolated(str(issuer.get("organisation"))),
        day=_day(statement["at"]),
        certificate=isolated(statement["id"]),
    )
    if statement.get("supersedes"):
        earlier = isolated(statement["supersedes"])
        yield _("It replaces the certificate %(certificate)s, which stays as it was.", certificate=earlier)
    received, approved = _day(dates.get("received")), _day(dates.get("approved"))
    yield _("Asked for on %(received)s, approved on %(approved)s.", received=received, approved=approved)
    if dates.get("carried_out_from"):
        first, last = _day(dates["carried_out_from"]), _day(dates["carried_out_to"])
        yield _("Carried out from %(first)s to %(last)s.", first=first, last=last)
    rule = isolated(str(case.get("rule")))
    yield _("Under the rule %(rule)s, version %(version)s.", rule=rule, version=case.get("rule_version"))


def _headline(opt_out: bool, whole: bool, case: str) -> str:
    if opt_out and whole:
        return _("Opt-out for case %(case)s: everything planned was done.", case=case)
    if opt_out:
        return _("Opt-out for case %(case)s: not everything was done: see below.", case=case)
    if whole:
        return _("Deletion for case %(case)s: everything planned was done.", case=case)
    return _("Deletion for case %(case)s: not everything was done: see below.", case=case)


def _done(statement: dict[str, Any]) -> list[str]:
    before = ["  " + line for line in taken_before(statement.get("taken_before", []))]
    return before + [
        "  " + _line(_things(kind, count), result_in_words(result))
        for kind in MACHINE
        for result, count in sorted(statement["counts"].get(kind, {}).items())
        if not _is_exception(statement, kind, result)
    ]


def _line(what: str, became: str) -> str:
    return _("%(what)s: %(became)s", what=what, became=became)


def _sentence(what: str, became: str) -> str:
    """A line to which another sentence may be put: it has the full stop of its language."""
    return _("%(what)s: %(became)s.", what=what, became=became)


def _things(kind: str, count: int) -> str:
    return THINGS[kind](count) if kind in THINGS else f"{count} {kind}"


def _is_exception(statement: dict[str, Any], kind: str, result: str) -> bool:
    return any((one["kind"], one["why"]) == (kind, result) for one in statement["exceptions"])


def _named(statement: dict[str, Any], name: str, title: str, notes: dict[int, str | None]) -> Iterator[str]:
    """A list of things with a name each, what was done about it, and what a person wrote."""
    if statement[name]:
        yield ""
        yield title
    for one in statement[name]:
        label = " ".join(str(part) for part in (one["name"], one.get("version")) if part)
        done = one.get("results") or {one["result"]: 1}
        words = _listed([result_in_words(result) for result in done])
        note = notes.get(one.get("item", -1))
        yield f"  {_sentence(isolated(label), words)}" + (f" {isolated(note)}" if note else "")
        yield from (f"  {line}" for line in _shown_by(one))


def _shown_by(one: dict[str, Any]) -> Iterator[str]:
    """By what it can be checked that a model was seen to, and what a recipient had got and was told."""
    if one.get("weights_before"):
        after = isolated(one.get("weights_after") or "-")
        yield _("Weights before: %(before)s. After: %(after)s.", before=isolated(one["weights_before"]), after=after)
    if one.get("run"):
        yield _(
            "The list of its new training has %(num)s photographs, and is shown to have none of these.",
            num=one["run"]["photographs"],
        )
    if one.get("result") == "unlearned":
        yield _signed(UNLEARNING)
    for got in one.get("got", []):
        label = " ".join(str(part) for part in (got["name"], got.get("version")) if part)
        yield _("It got %(what)s on %(day)s.", what=isolated(label), day=_day(got["on"]))
    for notice in one.get("notices", []):
        if notice["sent"]:
            told = isolated(notice["text"])
            yield _(
                "It was told on %(day)s, by the text with the SHA-256 %(digest)s.",
                day=_day(notice["sent"]),
                digest=told,
            )


def _later(statement: dict[str, Any]) -> Iterator[str]:
    """Who is in no plan, because it was found out later that they had got something."""
    later = statement.get("told_later", [])
    if later:
        yield ""
        yield _("Who was told later, once we knew that they had got something:")
    for one in later:
        last = one["notices"][-1]
        result = ANSWERED.get(last["answer"]) or ("not-reached" if last["state"] == "unreachable" else "told")
        yield f"  {_sentence(isolated(one['name']), result_in_words(result))}"
        yield from (f"  {line}" for line in _shown_by(one))


def _stated(statement: dict[str, Any], name: str) -> Iterator[str]:
    """A sentence that certificates of the first form do not have."""
    if statement.get(name):
        yield _signed(statement[name])


def _reviewed(statement: dict[str, Any]) -> Iterator[str]:
    """How many people compared the photographs; nothing where that was not written down."""
    reviewers = sum(one["role"] == "reviewed" for one in statement.get("people", []))
    if reviewers:
        yield ngettext(
            "%(num)s reviewer compared the photographs.", "%(num)s reviewers compared the photographs.", reviewers
        )


def _backup(statement: dict[str, Any]) -> Iterator[str]:
    if statement.get("backup"):
        yield (
            _signed(statement["backup"]["sentence"]) + " " + _("Until %(day)s.", day=_day(statement["backup"]["until"]))
        )


def _complaint(statement: dict[str, Any]) -> Iterator[str]:
    if statement.get("complaint"):
        yield _(
            "If you think this is wrong, tell us. You can also complain to %(authority)s.",
            authority=_signed(statement["complaint"]["authority"]),
        )


def _listed(words: list[str]) -> str:
    # For translators: what stands between the parts of a list.
    return _(", ").join(words)


def _exceptions(statement: dict[str, Any]) -> Iterator[str]:
    if statement["exceptions"]:
        yield ""
        yield _("What was not done:")
    for one in statement["exceptions"]:
        until = " " + _("Until %(day)s.", day=_day(one["until"])) if one.get("until") else ""
        yield f"  {_sentence(_things(one['kind'], one['count']), result_in_words(one['why']))}{until}"


def _kept(statement: dict[str, Any]) -> Iterator[str]:
    yield ""
    yield _("What was kept:")
    for one in statement["kept"]:
        what = KEPT[one["what"]](one.get("count", 0)) if one["what"] in KEPT else one["what"]
        until = " " + _("Until %(day)s.", day=_day(one["until"])) if one.get("until") else ""
        form = MODES.get(one.get("mode", ""), "")
        yield f"  {_sentence(what, _signed(one['why']))}{until}{' ' + _(form) if form else ''}"


def _search(statement: dict[str, Any]) -> Iterator[str]:
    searches = statement["search"].get("searches", [])
    # The second look of a day, with what was confirmed, mostly reads as the first.
    for said in dict.fromkeys((_searched(search), coverage_words.summary(search["coverage"])) for search in searches):
        yield from said
    # Of an earlier search the sum is enough: the last one saw all that the stores held then.
    yield from _covered(searches[-1]["coverage"] if searches else {})
    yield _signed(str(statement["search"].get("sentence", "")))


def _searched(search: dict[str, Any]) -> str:
    return ngettext(
        "Searched on %(day)s with %(encoder)s, threshold %(threshold)s, among %(size)s face template.",
        "Searched on %(day)s with %(encoder)s, threshold %(threshold)s, among %(size)s face templates.",
        search["gallery_size"],
        day=_day(search["at"]),
        encoder=isolated(search["encoder"]),
        threshold=search["threshold"],
        size=search["gallery_size"],
    )


def _covered(report: coverage_words.Report) -> Iterator[str]:
    """What became of the photographs of each store, and of all together where there are several."""
    if len(report) > 1:
        together = coverage_words.lines(coverage_words.totals(report))
        yield from ("  " + _line(_("All stores together"), line) for line in together)
    for store, kinds in sorted(report.items()):
        yield from ("  " + _line(isolated(store), line) for line in coverage_words.lines(kinds))


def _day(instant: str | None) -> str:
    return isolated(written(date.fromisoformat(instant[:10]))) if instant else _("a day that is not known")
