"""OpenLineage events: JSON, a list of them or one on each line (openlineage.io, spec 2-0-2 RunEvent).

The events of a run are joined: what it read and wrote may be spread over START, RUNNING and COMPLETE. Only runs that
completed made something. A dataset is named by its namespace and name; its version is that of the version facet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from portal.errors import BadInput
from portal.lineage.importing.documents import as_object, day_of_text, objects_in, read_json, read_json_lines, text_in
from portal.lineage.importing.facts import (
    UNVERSIONED,
    DatasetFact,
    DerivedFact,
    Facts,
    ModelFact,
    Named,
    UseFact,
    holds_weights,
    shown,
)

STATES = {"START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"}


@dataclass
class _Run:
    job: str
    day: date | None = None
    state: str = ""
    inputs: dict[Named, bool] = field(default_factory=dict)
    outputs: dict[Named, bool] = field(default_factory=dict)


def read(path: Path) -> Facts:
    """What a file of events tells. Raises BadInput naming the line."""
    runs: dict[str, _Run] = {}
    for where, event in _events(path):
        if "run" in event:
            _take(runs, event, where)
    if not runs:
        raise BadInput(f"There is no run of OpenLineage in {shown(path.name)}.")
    facts = Facts()
    for run_id, run in runs.items():
        _tell(facts, run_id, run)
    return facts


def is_event(found: Any) -> bool:
    """Whether a JSON value is an event of OpenLineage."""
    return isinstance(found, dict) and "openlineage" in str(found.get("schemaURL", "")).lower()


def _events(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        for number, found in read_json_lines(path):
            where = f"{path.name}, line {number}"
            yield where, as_object(found, where)
        return
    for number, event in enumerate(objects_in(read_json(path), path.name), 1):
        yield f"{path.name}, event {number}", event


def _take(runs: dict[str, _Run], event: dict[str, Any], where: str) -> None:
    run_id = text_in(as_object(event["run"], where), "runId", where, needed=True)
    job = as_object(event.get("job"), where)
    title = "/".join(text_in(job, part, where, needed=True) for part in ("namespace", "name"))
    run = runs.setdefault(run_id, _Run(title))
    state = text_in(event, "eventType", where)
    if state and state not in STATES:
        raise BadInput(f"{shown(where)}: {shown(state)} is no eventType of OpenLineage.")
    if state in ("COMPLETE", "ABORT", "FAIL") or not run.state:
        run.state = state
    run.day = max(run.day or date.min, day_of_text(text_in(event, "eventTime", where, needed=True), where))
    for names, listed in ((run.inputs, event.get("inputs")), (run.outputs, event.get("outputs"))):
        names.update(_named(one, where) for one in objects_in(listed, where))


def _named(one: dict[str, Any], where: str) -> tuple[Named, bool]:
    """A dataset's name and version, and whether it is a model."""
    name = "/".join(text_in(one, part, where, needed=True) for part in ("namespace", "name"))
    facets = as_object(one.get("facets") or {}, where)
    version = text_in(as_object(facets.get("version") or {}, where), "datasetVersion", where)
    kind = text_in(as_object(facets.get("datasetType") or {}, where), "datasetType", where)
    return (name[-200:], version[:60] or UNVERSIONED), kind.upper() == "MODEL" or holds_weights(name)


def _tell(facts: Facts, run_id: str, run: _Run) -> None:
    assert run.day is not None, "each run has an event with a time"
    if run.state != "COMPLETE":
        facts.left_out.append(
            f"The run {shown(run_id)} of {shown(run.job)} did not complete ({run.state or 'no state'})."
        )
        return
    for named, is_model in (run.inputs | run.outputs).items():
        if is_model:
            facts.models.append(ModelFact(*named))
        else:
            facts.datasets.append(DatasetFact(*named, run.day, f"Named by {run.job}."))
    for made, is_model in run.outputs.items():
        for origin, from_model in run.inputs.items():
            if made != origin:
                _join(facts, run_id, run.day, (made, is_model), (origin, from_model))


def _join(facts: Facts, run_id: str, day: date, made: tuple[Named, bool], origin: tuple[Named, bool]) -> None:
    if made[1] and not origin[1]:
        facts.uses.append(UseFact(made[0], origin[0], day, run_id[:200]))
    elif origin[1] and not made[1]:
        facts.left_out.append(
            f"{shown(made[0][0])} was made with the model {shown(origin[0][0])}. If it says something about people, "
            "write it down as a stored output."
        )
    else:
        facts.derived.append(DerivedFact(made[0], origin[0], day, of_models=made[1]))
