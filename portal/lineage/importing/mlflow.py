"""MLflow: a file store (`mlruns`), one experiment or one run of it. A run's id is the version of the model it made.

Read are meta.yaml, tags, inputs, datasets, logged models and the artifacts themselves: their SHA-256 is taken here, as
MLflow keeps none. Inputs with the context `eval` or `test` were not trained on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from portal.errors import BadInput
from portal.lineage.importing.documents import day_of_milliseconds, read_yaml, text_in
from portal.lineage.importing.facts import DatasetFact, Facts, ModelFact, UseFact, holds_weights, shown

NOT_TRAINED_ON = {"eval", "evaluation", "test", "testing", "validation"}
CHUNK = 1024 * 1024


def read(path: Path) -> Facts:
    """What a file store tells. `path`: its folder, one of an experiment or one of a run. Raises BadInput."""
    facts = Facts()
    runs = sorted(_runs(path))
    if not runs:
        raise BadInput(f"There is no run of MLflow in {shown(path.name)}: no meta.yaml with a run_id.")
    for run in runs:
        _read_run(run, facts)
    return facts


def is_store(path: Path) -> bool:
    """Whether a folder holds runs as MLflow's file store does."""
    return path.is_dir() and next(_runs(path), None) is not None


def _runs(path: Path) -> Iterator[Path]:
    """Folders of runs: `path` itself, in it, or in the experiments in it. Every run has tags, no other folder has."""
    for place in [path, *path.glob("*"), *path.glob("*/*")]:
        if (place / "meta.yaml").is_file() and (place / "tags").is_dir() and place.parent.name != "models":
            yield place


def _read_run(run: Path, facts: Facts) -> None:
    meta = read_yaml(run / "meta.yaml")
    run_id = text_in(meta, "run_id", "meta.yaml", needed=True)[:60]
    name = f"run {run_id}"
    day = day_of_milliseconds(meta.get("end_time") or meta.get("start_time"), name)
    began = day_of_milliseconds(meta.get("start_time"), name)
    datasets = [_dataset(run, link, began) for link in _inputs(run, facts, name)]
    facts.datasets.extend(datasets)
    models = [_model(run, place, meta) for place in _models(run, run_id)]
    facts.models.extend(models)
    if not models:
        facts.left_out.append(f"MLflow {name} kept no weights, so nobody can say which model it made.")
    if not datasets:
        facts.left_out.append(f"MLflow {name} says nothing of what it was trained on.")
    facts.uses.extend(UseFact(model.named, dataset.named, day, run_id) for model in models for dataset in datasets)


def _inputs(run: Path, facts: Facts, name: str) -> Iterator[dict[str, Any]]:
    """The links from a dataset to the run on which it was trained."""
    for file in sorted(run.glob("inputs/*/meta.yaml")):
        link = read_yaml(file)
        if link.get("source_type") != "DATASET":
            continue
        tags = link.get("tags") or {}
        context = str(tags.get("mlflow.data.context", "")).lower() if isinstance(tags, dict) else ""
        if context in NOT_TRAINED_ON:
            facts.left_out.append(f"MLflow {name} used a dataset for {shown(context)} only: not trained on it.")
        else:
            yield link


def _dataset(run: Path, link: dict[str, Any], day: date) -> DatasetFact:
    source_id = text_in(link, "source_id", "inputs", needed=True)
    if not source_id.replace("-", "").isalnum():
        raise BadInput(f"MLflow names a dataset {shown(source_id)}: that is no id.")
    file = run.parent / "datasets" / source_id / "meta.yaml"
    meta = read_yaml(file)
    digest = text_in(meta, "digest", "datasets", needed=True)
    source = text_in(meta, "source", "datasets")
    return DatasetFact(
        name=text_in(meta, "name", "datasets", needed=True),
        version=digest[:60],
        made_on=day,
        description=f"MLflow source ({text_in(meta, 'source_type', 'datasets')}): {source}"[:5000],
        digest=f"mlflow:{digest}"[:200],
    )


def _models(run: Path, run_id: str) -> Iterator[Path]:
    """Folders that hold weights: artifacts of the run, and logged models that name it as theirs."""
    if any(holds_weights(one.name) for one in _files(run / "artifacts")):
        yield run / "artifacts"
    for file in sorted(run.parent.glob("models/*/meta.yaml")):
        if read_yaml(file).get("source_run_id") == run_id and (file.parent / "artifacts").is_dir():
            yield file.parent


def _model(run: Path, place: Path, meta: dict[str, Any]) -> ModelFact:
    logged = read_yaml(place / "meta.yaml") if place.parent.name == "models" else {}
    name = text_in(logged, "name", "models") or _tag(run, "mlflow.runName") or text_in(meta, "run_name", "meta.yaml")
    version = text_in(logged, "model_id", "models") or text_in(meta, "run_id", "meta.yaml")
    return ModelFact(name or "unnamed", version[:60], _digest_of(place), "Made by a run of MLflow.")


def _tag(run: Path, name: str) -> str:
    file = run / "tags" / name
    if not file.is_file() or file.is_symlink():
        return ""
    with file.open(encoding="utf-8", errors="replace") as opened:
        return opened.read(200).replace("\0", "").strip()


def _digest_of(place: Path) -> str:
    """SHA-256 of the only file of weights; of several that of their list, as `sha256sum` would print it."""
    root = place if place.name == "artifacts" else place / "artifacts"
    weights = [(one.relative_to(root).as_posix(), _sha256(one)) for one in _files(root) if holds_weights(one.name)]
    if len(weights) == 1:
        return weights[0][1]
    listed = "".join(f"{digest}  {name}\n" for name, digest in sorted(weights))
    return hashlib.sha256(listed.encode()).hexdigest() if weights else ""


def _files(folder: Path) -> list[Path]:
    return sorted(one for one in folder.rglob("*") if one.is_file() and not one.is_symlink())


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while chunk := opened.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
