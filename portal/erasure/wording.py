"""A certificate in plain words: what was erased, what was not, who was told. Pure, so that it works offline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from portal.matching import coverage_words

THINGS = {
    "image": ("photograph", "photographs"),
    "templates": ("photograph's face templates", "photographs' face templates"),
    "crop": ("cut-out of a face", "cut-outs of faces"),
    "record": ("line of a manifest", "lines of manifests"),
    "dataset-place": ("place in a dataset", "places in datasets"),
    "suppression": ("suppression", "suppressions"),
    "model": ("trained model", "trained models"),
    "product": ("product", "products"),
    "recipient": ("recipient", "recipients"),
}
RESULTS = {
    "deleted": "deleted",
    "already-absent": "already gone when we looked",
    "suppressed": "set, so that the same photographs are not taken in again",
    "destroyed": "destroyed",
    "retrained-without": "trained again without the photographs",
    "unlearned": "changed so that it forgets the photographs",
    "output-suppressed": "not changed, but its answers about you are held back",
    "not-affected": "not affected",
    "kept": "kept as it is",
    "told": "told to erase",
    "not-reached": "could not be reached",
    "not-yet-decided": "not decided yet",
}
MACHINE = ("image", "templates", "crop", "record", "dataset-place", "suppression")


def in_words(statement: dict[str, Any], items: list[dict[str, Any]]) -> list[str]:
    """The certificate as sentences, one a line; empty lines part the paragraphs. `items` give the notes."""
    notes = {item["position"]: item["note"] for item in items}
    return [
        *_head(statement),
        "",
        "What was done:",
        *(_counts(statement) or ["  Nothing: no photograph was confirmed."]),
        *_named(statement, "datasets", "Taken out of these datasets:", notes),
        *_named(statement, "models", "Models trained on the photographs:", notes),
        *_named(statement, "products", "Products built on those models:", notes),
        *_named(statement, "recipients", "Who was told:", notes),
        *_exceptions(statement),
        *_kept(statement),
        "",
        *_search(statement),
        statement["approval"],
        statement["checked"],
        statement["backups"],
    ]


def result_in_words(result: str) -> str:
    return RESULTS.get(result, result.replace("-", " "))


def _head(statement: dict[str, Any]) -> Iterator[str]:
    what = "Opt-out" if statement["erasure"] == "opt-out" else "Deletion"
    whole = "everything planned was done" if statement["extent"] == "full" else "not everything was done: see below"
    issuer, case, dates = statement["issuer"], statement["case"], statement["dates"]
    yield f"{what} for case {case.get('reference')}: {whole}."
    yield f"Issued by {issuer.get('organisation')} on {_day(statement['at'])}. Certificate {statement['id']}."
    yield f"Asked for on {_day(dates.get('received'))}, approved on {_day(dates.get('approved'))}."
    if dates.get("carried_out_from"):
        yield f"Carried out from {_day(dates['carried_out_from'])} to {_day(dates['carried_out_to'])}."
    yield f"Under the rule {case.get('rule')}, version {case.get('rule_version')}."


def _counts(statement: dict[str, Any]) -> list[str]:
    return [
        f"  {count} {THINGS[kind][count != 1]}: {result_in_words(result)}"
        for kind in MACHINE
        for result, count in sorted(statement["counts"].get(kind, {}).items())
        if not _is_exception(statement, kind, result)
    ]


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
        words = ", ".join(result_in_words(result) for result in done)
        note = notes.get(one.get("item", -1))
        yield f"  {label}: {words}." + (f" {note}" if note else "")


def _exceptions(statement: dict[str, Any]) -> Iterator[str]:
    if statement["exceptions"]:
        yield ""
        yield "What was not done:"
    for one in statement["exceptions"]:
        things = THINGS.get(one["kind"], (one["kind"], one["kind"]))[one["count"] != 1]
        yield f"  {one['count']} {things}: {result_in_words(one['why'])}"


def _kept(statement: dict[str, Any]) -> Iterator[str]:
    yield ""
    yield "What was kept:"
    for one in statement["kept"]:
        count = f"{one['count']} " if "count" in one else ""
        until = f" Until {_day(one['until'])}." if one.get("until") else ""
        yield f"  {count}{one['what']}: {one['why']}.{until}"


def _search(statement: dict[str, Any]) -> Iterator[str]:
    searches = statement["search"].get("searches", [])
    for search in searches:
        yield (
            f"Searched on {_day(search['at'])} with {search['encoder']}, threshold {search['threshold']}, "
            f"among {search['gallery_size']} face templates."
        )
        yield coverage_words.summary(search["coverage"])
    # Of an earlier search the sum is enough: the last one saw all that the stores held then.
    yield from _covered(searches[-1]["coverage"] if searches else {})
    yield str(statement["search"].get("sentence", ""))


def _covered(report: coverage_words.Report) -> Iterator[str]:
    """What became of the photographs of each store, and of all together where there are several."""
    if len(report) > 1:
        yield from (f"  All stores together: {line}" for line in coverage_words.lines(coverage_words.totals(report)))
    for store, kinds in sorted(report.items()):
        yield from (f"  {store}: {line}" for line in coverage_words.lines(kinds))


def _day(instant: str | None) -> str:
    return instant[:10] if instant else "a day that is not known"
