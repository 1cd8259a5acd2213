"""The statement of an order in plain words: page, paper and terminal say the same. Pure, so that it works offline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

RESULTS = {
    "deleted": "deleted",
    "already-absent": "already gone when we looked",
    "legal-hold": "not deleted, because a legal hold keeps them",
    "content-changed": "not deleted, because they are not the files that were approved",
    "residual": "still there, because a lock of the store keeps them",
    "archive-damaged": "not deleted, because their archive is damaged",
    "never-read": "not part of this, because they could never be read to their end",
    "came-in-since": "not part of this, because they came in after the approval",
    "destroyed": "destroyed",
    "retrained-without": "trained again without the photographs",
    "unlearned": "changed so that it forgets the photographs",
    "output-suppressed": "not changed, but its answers are held back",
    "not-affected": "not affected",
    "kept": "kept as it is",
    "told": "told to erase",
    "not-reached": "could not be reached",
    "not-yet-decided": "not decided yet",
}
EVIDENCE = {
    "done_on": "Done on",
    "weights_before": "SHA-256 of the weights before",
    "weights_after": "SHA-256 of the weights after",
    "run": "Training run",
    "method": "Method",
    "basis": "Basis",
}
NOTICES = {
    "made": "not sent yet",
    "sent": "sent",
    "read": "read",
    "acknowledged": "answered",
    "refused": "refused",
    "unreachable": "could not be reached",
}
PART_C = ("model", "output", "product")
PART_D = ("recipient", "recipient-found-later")
PARTS = {
    "images": "Part A. Photographs",
    "templates": "Part B. Face templates and what was made of the photographs",
    "models": "Part C. Models, stored outputs and products",
    "recipients": "Part D. Recipients",
}


@dataclass(frozen=True)
class Section:
    """A heading, sentences below it, and a table where there is something to list."""

    title: str
    sentences: list[str]
    head: tuple[str, ...] = ()
    rows: Sequence[tuple[str, ...]] = ()


def sections(statement: dict[str, Any], lines: list[dict[str, Any]]) -> list[Section]:
    """The whole statement. `lines` are those of its certificate; a part of one has none, and then no tables."""
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        by_kind.setdefault(line["kind"], []).append(line)
    parts = statement["parts"]
    return [
        Section(f"Statement about an order: {_what(statement)}", list(_head(statement))),
        Section(PARTS["images"], list(_images(parts["images"])), ("Store or dataset", "Photographs"), _places(by_kind)),
        Section(PARTS["templates"], list(_templates(parts["templates"])), ("Encoder", "Templates"), _encoders(by_kind)),
        _people("models", parts["models"], [one for kind in PART_C for one in by_kind.get(kind, [])]),
        _people("recipients", parts["recipients"], [one for kind in PART_D for one in by_kind.get(kind, [])]),
        Section("What was not done, and what was kept", list(_rest(statement))),
        Section("How this was made", list(_made(statement))),
        Section("Declaration", list(_declaration(statement["declaration"]))),
    ]  # fmt: skip


def in_words(statement: dict[str, Any], lines: list[dict[str, Any]], shown: int = 0) -> list[str]:
    """The sections in lines, those of a section indented. `shown`: how many photographs a part of it has."""
    out: list[str] = []
    for section in sections(statement, lines):
        out += [section.title, *(f"  {sentence}" for sentence in section.sentences)]
        out += [f"  - {': '.join(part for part in row if part)}" for row in section.rows] + [""]
    return [*out, *([f"This file shows what became of {shown:,} of its photographs."] if shown else [])]


def result_in_words(result: str) -> str:
    return RESULTS.get(result, result.replace("-", " "))


def _what(statement: dict[str, Any]) -> str:
    whole = "all of it is done" if statement["extent"] == "full" else "not all of it is done"
    return f"{statement['order']['what']}: {whole}"


def _head(statement: dict[str, Any]) -> Iterator[str]:
    dates = statement["dates"]
    yield f"Issued by {statement['issuer']['organisation']} on {_day(statement['at'])}. Statement {statement['id']}."
    if statement.get("supersedes"):
        yield f"It replaces the statement {statement['supersedes']}, which stays as it was."
    yield f"Ground: {statement['order']['reason']}"
    yield (
        f"Asked for on {_day(dates['asked'])}, planned on {_day(dates['planned'])}, approved on "
        f"{_day(dates['approved_first'])} and {_day(dates['approved_second'])}, begun on {_day(dates['started'])}."
    )


def _images(part: dict[str, Any]) -> Iterator[str]:
    yield f"Planned: {part['planned']:,} photographs."
    for result, count in part["results"].items():
        yield f"{count:,} {result_in_words(result)}."
    yield _when(part)
    yield part["method"]


def _templates(part: dict[str, Any]) -> Iterator[str]:
    yield f"Deleted: {part['templates']:,} face templates of {part['faces']:,} faces."
    yield f"Deleted: {part['crops']:,} cut-outs of faces, {part['records']:,} lines of manifests."
    yield f"Taken out: {part['dataset_places']:,} places in datasets."
    yield _when(part)


def _people(name: str, part: dict[str, Any], lines: list[dict[str, Any]]) -> Section:
    sentences = [f"{count:,} {result_in_words(result)}." for result, count in part["results"].items()]
    if part["basis"]:
        sentences.append(part["basis"])
    if part["from"]:
        sentences.append(f"Answered from {_day(part['from'])} to {_day(part['to'])}.")
    sentences += [f"{count:,} notices: {NOTICES[state]}." for state, count in part.get("notices", {}).items()]
    if part.get("first_sent"):
        sentences.append(f"Notices left from {_day(part['first_sent'])} to {_day(part['last_sent'])}.")
    rows = [(line["name"], _done_with(line), _said_of(line)) for line in lines]
    return Section(PARTS[name], sentences, ("Name", "What was done", "How it was reached, and what was said"), rows)


def _done_with(line: dict[str, Any]) -> str:
    if "result" not in line:
        return "found out about after the plan was approved"
    return f"{result_in_words(line['result'])}, {_day(line['at'])}"


def _said_of(line: dict[str, Any]) -> str:
    """How it was reached, what was said of it, and by what that can be checked."""
    evidence = line.get("evidence", {})
    named = [f"{EVIDENCE[name]}: {_plain(value)}." for name, value in evidence.items() if name in EVIDENCE]
    told = [_of_notice(one) for one in line.get("notices", [])]
    parts = (line.get("how"), line.get("note"), *named, evidence.get("caution"), *told)
    return " ".join(part for part in parts if part)


def _plain(value: Any) -> str:
    """A fact as it is; of a run whose list was gone through how much it has, and how much was looked for."""
    if not isinstance(value, dict):
        return str(value)
    size, looked = f"{value['photographs']:,}", f"{value['looked_for']:,}"
    return f"{value['id']}; its list has {size} photographs, and none of the {looked} that were looked for"


def _of_notice(notice: dict[str, Any]) -> str:
    """What was sent, by the digest of its signed text, and what came back."""
    sent = f"sent on {_day(notice['sent'])}" if notice["sent"] else "not sent"
    came = f", {NOTICES[notice['state']]}" + (f" on {_day(notice['answered'])}" if notice["answered"] else "")
    return f"Notice {notice['notice'][:8]} (text {notice['digest'][:16]}…): {sent}{came}."


def _places(by_kind: dict[str, list[dict[str, Any]]]) -> list[tuple[str, ...]]:
    return [
        (f"{line['kind']} {line['name']}", f"{line['photographs']:,}{_archives(line)}")
        for kind in ("store", "dataset")
        for line in by_kind.get(kind, [])
    ]


def _archives(line: dict[str, Any]) -> str:
    if not line.get("archives"):
        return ""
    return f" in {line['archives']:,} archives, written anew; root of their digests now: {line['archives_root']}"


def _encoders(by_kind: dict[str, list[dict[str, Any]]]) -> list[tuple[str, ...]]:
    return [(line["name"], f"{line['templates']:,}") for line in by_kind.get("encoder", [])]


def _rest(statement: dict[str, Any]) -> Iterator[str]:
    for one in statement["exceptions"]:
        yield f"{one['count']:,} photographs {result_in_words(one['why'])}."
    if not statement["exceptions"]:
        yield "Nothing that was planned was left undone."
    for one in statement["kept"]:
        if one["what"] == "suppressions":
            yield f"Kept until {_day(one['until'])}, so that the same photographs do not come in again: {one['form']}."
        elif "until" in one:
            yield f"Kept until {_day(one['until'])} at the latest: {one['form']}."
        else:
            yield f"Kept: {one['why']}."


def _made(statement: dict[str, Any]) -> Iterator[str]:
    yield from (statement[name] for name in ("approval", "checked", "backups"))
    plan, root = statement["plan"], statement["results_root"]
    yield f"Digest of the approved plan: {plan['digest']}."
    yield f"Root of what became of the {plan['images']:,} photographs: {root}. Number of chunks: {plan['chunks']:,}."


def _declaration(declaration: dict[str, Any]) -> Iterator[str]:
    yield declaration["words"] + (f" ({declaration['law']})" if declaration["law"] else "")
    yield f"Position of whoever signs: {declaration['position']}."


def _when(part: dict[str, Any]) -> str:
    begun, ended, seen = (_moment(part[name]) for name in ("from", "to", "checked"))
    return f"Carried out from {begun} to {ended}, seen to be gone by {seen}."


def _day(instant: str | None) -> str:
    return instant[:10] if instant else "a day that is not known"


def _moment(instant: str | None) -> str:
    return f"{instant[:10]} {instant[11:16]} UTC" if instant else "a time that is not known"
