"""Files of other systems.

Those in `made` were written by the programs themselves: MLflow 3.17.2 (skinny, file store), DVC 3.67.1 (`dvc add`,
`dvc repro`), mlcroissant 1.1.1 and openlineage-python 1.54.0. Only their place and their days were changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.cli import efface
from portal.config import Config
from portal.db import Database
from portal.errors import BadInput, Conflict, NotAllowed, NotFound, TooLarge
from portal.lineage import importing, trace
from portal.lineage.importing import documents, places
from portal.tables import Dataset, Derivation, Image, Source, Store, TrainedModel, TrainingUse
from tests.matching.making import make_image, make_store

MADE = Path(__file__).parent / "made"
DAY = 1_420_102_800  # 1 January 2015


def take(session: Session, path: Path, name: str = "") -> importing.Report:
    return importing.write(session, importing.read(path, name or importing.format_of(path)))


def take_any(session: Session, path: Path) -> None:
    if (name := importing.format_of(path)) == "manifest":
        list(places.read_places(path, None))
    else:
        take(session, path, name)


def copied(tmp_path: Path, name: str) -> Path:
    """A copy of what a program made, last changed on a day that does not move."""
    copy = tmp_path / name
    (shutil.copytree if (MADE / name).is_dir() else shutil.copy)(MADE / name, copy)
    for file in [copy, *copy.rglob("*")]:
        os.utime(file, (DAY, DAY))
    return copy


def uses(session: Session) -> set[tuple[str, str, str, str]]:
    rows = session.scalars(select(TrainingUse))
    return {(one.model.name, one.model.version, one.dataset.name, one.trained_on.isoformat()) for one in rows}


def test_a_store_of_mlflow(session: Session, tmp_path: Path) -> None:
    report = take(session, copied(tmp_path, "mlruns"))
    model = session.scalars(select(TrainedModel).filter_by(name="demographics")).one()
    assert model.weights_digest == hashlib.sha256(b"weights of the first run").hexdigest()
    (use,) = session.scalars(select(TrainingUse))
    assert (use.dataset.name, use.dataset.version, use.dataset.digest) == ("okc-faces", "0cc175b9", "mlflow:0cc175b9")
    assert (use.run, use.trained_on.isoformat()) == (model.version, "2024-09-02")
    logged = session.scalars(select(TrainedModel).filter_by(name="face-net")).one()
    assert logged.version.startswith("m-")
    assert logged.weights_digest == hashlib.sha256(b"onnx weights").hexdigest()
    said = " ".join(report.left_out)
    assert "for eval only" in said
    assert "kept no weights" in said


def test_a_repository_of_dvc(session: Session, tmp_path: Path) -> None:
    report = take(session, copied(tmp_path, "dvc"))
    assert uses(session) == {("model.pt", "63f4f1e9b725370f459720575cd5f953", "clean", "2015-01-01")}
    (step,) = session.scalars(select(Derivation))
    names = {one.id: (one.name, one.version) for one in session.scalars(select(Dataset))}
    assert names[step.dataset_id or ""] == ("clean", "470f46c965381d110a76f09bc5b42c7b.dir")
    assert names[step.from_dataset_id or ""] == ("data", "ce59b071b43d6e0dfb724b36ceaccf58.dir")
    assert any("src/train.py" in one and "not tracked" in one for one in report.left_out)


def test_events_of_openlineage(session: Session, tmp_path: Path) -> None:
    report = take(session, copied(tmp_path, "events.jsonl"))
    assert uses(session) == {("s3://models/demog", "2", "s3://faces/clean", "2015-01-11")}
    (step,) = session.scalars(select(Derivation))
    assert session.get_one(Dataset, step.from_dataset_id).name == "s3://faces/raw"
    assert any("did not complete (FAIL)" in one for one in report.left_out)
    assert session.scalar(select(func.count()).select_from(TrainedModel)) == 1, "a run that failed made nothing"


def test_croissant_and_the_pictures_in_it(session: Session, tmp_path: Path) -> None:
    store = make_store(session, name="okc")
    image = make_image(session, store, "a.jpg")
    path = copied(tmp_path, "croissant.json")
    found = json.loads(path.read_text())
    image.digest = bytes.fromhex(found["distribution"][1]["sha256"])
    session.flush()
    report = take(session, path)
    dataset = session.scalars(select(Dataset)).one()
    assert (dataset.name, dataset.version, dataset.created_on.isoformat()) == ("okc-faces", "1.0.0", "2014-09-01")
    assert dataset.licence == "https://creativecommons.org/licenses/by/4.0/"
    assert "Record sets: images." in dataset.description
    assert report.added["places"] == 1
    assert [one.name for one in trace(session, [image.id]).datasets] == ["okc-faces 1.0.0"]


@pytest.mark.parametrize("name", ["mlruns", "dvc", "events.jsonl", "croissant.json"])
def test_once_more_adds_nothing(session: Session, tmp_path: Path, name: str) -> None:
    path = copied(tmp_path, name)
    first, second = take(session, path), take(session, path)
    assert sum(first.added.values()) > 0
    assert sum(second.added.values()) == 0
    assert second.known == first.added + first.known


def test_a_model_named_twice_with_other_weights_names_both(session: Session, tmp_path: Path) -> None:
    path = copied(tmp_path, "mlruns")
    take(session, path)
    (weights,) = path.glob("*/*/artifacts/model/weights.pt")
    weights.write_bytes(b"other weights")
    one, other = (hashlib.sha256(data).hexdigest() for data in (b"weights of the first run", b"other weights"))
    with pytest.raises(Conflict, match=f"model demographics .* {one}.* {other}"):
        take(session, path)


def test_a_tracked_file_may_belong_to_another_folder(session: Session, tmp_path: Path) -> None:
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta/faces.dvc").write_text(f"wdir: ../data\nouts:\n- {{path: faces, md5: {'1' * 32}.dir}}\n")
    take(session, tmp_path)
    assert session.scalars(select(Dataset.name)).all() == ["data/faces"]


def test_a_circle_names_its_steps(session: Session, tmp_path: Path) -> None:
    lock = tmp_path / "dvc.lock"
    lock.write_text(
        "schema: '2.0'\nstages:\n"
        f"  one: {{deps: [{{path: a, md5: {'1' * 32}}}], outs: [{{path: b, md5: {'2' * 32}}}]}}\n"
        f"  two: {{deps: [{{path: b, md5: {'2' * 32}}}], outs: [{{path: a, md5: {'1' * 32}}}]}}\n"
    )
    with pytest.raises(BadInput, match=f"circle.*a {'1' * 32} - b {'2' * 32} - a {'1' * 32}"):
        take(session, lock)


HOSTILE = {
    "runs code": ("x.dvc", "!!python/object/apply:os.system ['touch hacked']", "not YAML"),
    "aliases": ("x.dvc", "a: &a [1]\nouts: [*a, *a]", "line 1: anchors and aliases"),
    "deep": ("x.dvc", "outs: " + "[" * 500, "nested more than 60 deep|not YAML"),
    "broken": ("dvc.lock", "stages:\n  a: [", "line 3|line 2"),
    "traversal": ("x.dvc", f"outs:\n- {{path: ../../etc/passwd, md5: {'1' * 32}}}", "leads out of the repository"),
    "no digest": ("x.dvc", "outs:\n- {path: data}", "has no digest"),
    "no list": ("x.dvc", "outs: 5", "an object with names is expected"),
    "no json": ("x.json", '{"a": 1,\n "b": }', "line 2: this is not JSON"),
    "unknown": ("x.json", '{"a": 1}', "neither Croissant nor events"),
    "unknown end": ("x.zip", "PK", "format of x.zip is not known"),
    "line": ("x.ndjson", '{"key": "a", "dataset": "d", "version": "1"}\n{"key": \n', "line 2: this is not JSON"),
    "events": ("x.jsonl", '{"schemaURL": "openlineage", "run": {"runId": 1}}\n[]', "line 1.*object|line 2"),
    "half a sign": (
        "x.json",
        '{"conformsTo": "http://mlcommons.org/croissant/1.0", "name": "\\ud800"}',
        "half a character",
    ),
    "bytes": ("x.json", "\udcff", "not UTF-8"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_bad_files_are_refused_by_name(session: Session, tmp_path: Path, case: str) -> None:
    name, text, said = HOSTILE[case]
    path = tmp_path / name
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(BadInput, match=said):
        take_any(session, path)
    assert not (tmp_path / "hacked").exists()
    assert session.scalar(select(func.count()).select_from(Dataset)) == 0


def test_a_huge_file_and_a_link_are_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "LARGEST", 10)
    path = tmp_path / "x.dvc"
    path.write_text("outs: []   # more than ten")
    with pytest.raises(TooLarge):
        importing.read(path, "dvc")
    (tmp_path / "y.dvc").symlink_to("/etc/passwd")
    with pytest.raises(BadInput, match="Links are not followed"):
        importing.read(tmp_path / "y.dvc", "dvc")
    with pytest.raises(NotFound):
        importing.format_of(tmp_path / "none.json")


def test_training_on_a_source_without_ground_is_refused_here_too(session: Session, tmp_path: Path) -> None:
    path = copied(tmp_path, "croissant.json")
    store = make_store(session, name="okc")
    store.source_id = None
    image = make_image(session, store, "a.jpg")
    image.digest = bytes.fromhex(json.loads(path.read_text())["distribution"][1]["sha256"])
    session.flush()
    with pytest.raises(NotAllowed, match="ground-before-dataset"):
        take(session, path)
    importing.write(session, importing.read(path, "croissant"), "It was so in 2014.")


# The command, and manifests.


@pytest.fixture
def run(config: Config, database: Database, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("EFFACE_DATA", str(config.data))
    with database.writing() as session:
        store = make_store(session, name="okc")
        for number in range(3):
            make_image(session, store, f"{number}.jpg")
    runner = CliRunner()
    return lambda *words: runner.invoke(efface, ["lineage", *map(str, words)])


def _set_consent(database: Database, consented: str) -> None:
    with database.writing() as session:
        session.scalars(select(Source)).one().consented = consented


def digest_of(database: Database, key: str) -> str:
    with database.reading() as session:
        found = session.scalars(select(Image.digest).filter_by(key=key)).one()
    assert found is not None
    return found.hex()


@pytest.mark.migrated
def test_a_manifest_is_taken_in_and_what_does_not_fit_is_said(
    run: Callable[..., Result], database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "places.csv"
    path.write_text("key,dataset,version\n0.jpg,faces,1")
    _set_consent(database, "no")
    assert isinstance(run("import", path, "--store", "okc").exception, NotAllowed), "before a line is read"
    _set_consent(database, "yes")
    lines = [
        "key,digest,dataset,version",
        "0.jpg,,faces,1",
        f",{digest_of(database, '1.jpg')},faces,1",
        "no.jpg,,faces,1",
    ]
    path.write_text("\n".join(lines))
    missing = run("import", path, "--store", "okc")
    assert isinstance(missing.exception, NotFound)
    assert "no dataset called faces 1" in str(missing.exception)
    assert run("dataset", "add", "faces", "1", "--created-on", "2014-05-01").exit_code == 0
    assert isinstance(run("import", path).exception, BadInput), "a key is of a store"
    tried = run("import", path, "--store", "okc", "--dry-run")
    assert "2 places would be added" in tried.output
    first = run("import", path, "--store", "okc")
    assert "manifest: 2 places added." in first.output
    assert "Line 4: no scan has seen a live photograph no.jpg." in first.output
    again = json.loads(run("import", path, "--store", "okc", "--json").output)
    assert (again["added"]["places"], again["known"]["places"], again["left_out_count"]) == (0, 2, 1)


@pytest.mark.migrated
def test_a_manifest_with_a_wrong_line_writes_nothing(
    run: Callable[..., Result], database: Database, tmp_path: Path
) -> None:
    run("dataset", "add", "faces", "1", "--created-on", "2014-05-01")
    wrong = {
        "key,dataset,version\n0.jpg,faces,1\n../1.jpg,faces,1": "line 3: the key ../1.jpg leads out",
        "key,dataset,version\n0.jpg,faces,1\n1.jpg,faces": "line 3: it has 2 cells",
        "name,dataset\na,b": "no column called key or digest. The columns are: name, dataset",
        "key,key\na,b": "column key is there twice",
        "key,dataset,version\n0.jpg,faces,1\n1.jpg,faces,": "line 3: it does not say which dataset",
        "digest,dataset,version\nabc,faces,1": "line 2: the digest is not a SHA-256",
        "key,dataset,version\n0.jpg,faces,1\n\0,faces,1": "line 3: there is a zero byte",
        "key,dataset,version\n": "no lines besides its header",
    }
    for text, said in wrong.items():
        path = tmp_path / "places.csv"
        path.write_text(text)
        result = run("import", path, "--store", "okc")
        assert isinstance(result.exception, BadInput), text
        assert said in str(result.exception)
    with database.reading() as session:
        store = session.scalars(select(Store)).one()
        ids = list(session.scalars(select(Image.id).filter_by(store_id=store.id)))
        assert trace(session, ids).datasets == []


@pytest.mark.migrated
def test_the_command_reads_each_format_without_being_told(run: Callable[..., Result], tmp_path: Path) -> None:
    for name, said in (
        ("mlruns", "mlflow"),
        ("dvc", "dvc"),
        ("events.jsonl", "openlineage"),
        ("croissant.json", "croissant"),
    ):
        path = copied(tmp_path, name)
        assert f"{said}: " in run("import", path, "--dry-run").output
        assert json.loads(run("import", path, "--json").output)["added"], name
