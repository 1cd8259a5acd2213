"""`efface backup`, `efface restore` and `efface restore-check`, as an operator types them."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

import workers
from portal import audit
from portal.backups import copies
from portal.cli import efface
from portal.db import Database
from portal.errors import BadInput, Conflict
from portal.tables import Certificate, Face
from tests.experiments import erasing


def said(*arguments: str, refused: type[Exception] | None = None) -> str:
    result = CliRunner().invoke(efface, list(arguments), standalone_mode=False)
    if refused is None:
        assert result.exception is None, result.exception
    else:
        assert isinstance(result.exception, refused), result.exception
    return str(getattr(result.exception, "sentence", None) or result.output)


def test_a_copy_is_made_tried_out_and_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = erasing.build(tmp_path / "house", erasing.Size(2, cases=2))
    monkeypatch.setenv("EFFACE_DATA", str(scene.config.data))
    database = Database(scene.config)
    told = said("backup", str(tmp_path / "copies"))
    (copy,) = (tmp_path / "copies").iterdir()
    assert "put back for 30 days" in told
    assert f"{scene.config.data / 'log'} elsewhere" in told
    assert f"below it is {copy.name}." in said("restore-check", str(copy.parent), refused=BadInput)
    pictures = {path: path.read_bytes() for path in scene.folders[0].rglob("*.jpg")}
    for erasure_id in erasing.approve_all(database):
        workers.carry_out(database, "erasing", erasure_id)
    with database.writing() as session:
        audit.publish(session)
    database.close()

    left = Path(tempfile.mkdtemp(prefix="efface-check-"))
    (left / "held").touch()
    (left / "keys").mkdir()
    found = json.loads(said("restore-check", str(copy), "--json"))
    assert not left.exists(), "keys that a killed try left behind"
    assert (found["erasures"], found["back"], found["left"]) == (2, 2, 0)
    path, data = next(iter(pictures.items()))
    path.write_bytes(data)
    assert "there again" in said("restore-check", str(copy), refused=Conflict)
    assert path.read_bytes() == data
    assert erasing.is_well(erasing.reckon(scene)) is False
    path.unlink()
    assert erasing.is_well(erasing.reckon(scene))

    assert "no copy of an installation" in said("restore", str(tmp_path), refused=BadInput)
    copies.mark(scene.config)
    assert "older than its log" in said("backup", str(tmp_path / "copies"), refused=Conflict)
    path.write_bytes(data)
    assert "2 erasures were carried out again, 2 of them had been undone" in said("restore", str(copy))
    assert not path.exists()
    assert erasing.is_well(erasing.reckon(scene))
    with Database(scene.config).reading() as session:
        assert session.scalar(select(func.count()).select_from(Certificate)) == 2
        assert session.scalar(select(func.count()).select_from(Face)) == 0


def test_another_database_is_left_to_its_own_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = erasing.build(tmp_path / "house", erasing.Size(1))
    monkeypatch.setenv("EFFACE_DATA", str(tmp_path / "other"))
    monkeypatch.setenv("EFFACE_DATABASE_URL", f"sqlite:///{scene.config.data / 'efface.sqlite'}")
    assert "pg_dump" in said("backup", str(tmp_path / "copies"), refused=BadInput)
    assert not (tmp_path / "copies").exists()
