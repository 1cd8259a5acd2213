"""The process that looks at faces for the gate, and those who ask it: the command and other programs."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from portal import clock, images
from portal.cli.gate import command
from portal.db import Database
from portal.errors import Unavailable
from portal.suppression import asking, forget_face, keep_face
from portal.suppression.asking import LENGTH, FaceAsker
from portal.tables import Encoder, KeptFace
from portal.web import create_app
from tests.fakes import DrawnFaceEncoder, drawn_jpeg, template_of
from tests.suppression.rows import an_erasure
from workers import encoder as encoders
from workers.gatekeeping import Gatekeeper, serve

pytestmark = pytest.mark.migrated

TOKEN = "0123456789abcdef0123456789abcdef"
KEPT = 3


def keep(database: Database, name: str, version: str, template: bytes) -> str:
    with database.writing() as session:
        encoder = session.scalar(select(Encoder).filter_by(name=name)) or Encoder(
            name=name, version=version, dimensions=128
        )
        session.add(encoder)
        session.flush()
        case_id = an_erasure(session).case_id
        assert keep_face(session, case_id, encoder, [template], clock.now() + timedelta(days=1))
    return case_id


@pytest.fixture
def kept(database: Database) -> str:
    return keep(database, "drawn-faces", "1", template_of(KEPT).astype("<f4").tobytes())


@pytest.fixture
def gatekeeper(database: Database, monkeypatch: pytest.MonkeyPatch) -> Gatekeeper:
    monkeypatch.setattr("workers.encoder.load_encoder", DrawnFaceEncoder)
    return Gatekeeper(database)


def test_it_answers_each_file_with_one_word(database: Database, kept: str, gatekeeper: Gatekeeper) -> None:
    files = [drawn_jpeg(KEPT, seed=1), drawn_jpeg(9, seed=2), b"no picture", drawn_jpeg(9, KEPT, seed=3)]
    source = io.BytesIO(b"".join(len(data).to_bytes(LENGTH) + data for data in files))
    sink = io.BytesIO()
    serve(gatekeeper, source, sink)
    assert sink.getvalue().split() == [b"held", b"clear", b"no-picture", b"held"]
    with database.writing() as session:
        forget_face(session, kept)
    assert gatekeeper.look(files[0]) == "clear", "what is forgotten counts from the next file on"
    gatekeeper.close()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, gatekeeper: Gatekeeper) -> Callable[[], int]:
    """How often somebody asked; the answers are those of the same gatekeeper, without a process."""
    seen: list[int] = []

    def ask(_self: FaceAsker, data: bytes) -> str:
        seen.append(len(data))
        return gatekeeper.look(data)

    monkeypatch.setattr(FaceAsker, "ask", ask)
    return lambda: len(seen)


def test_the_command_holds_back_only_where_faces_are_asked_for(
    database: Database, kept: str, asked: Callable[[], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFACE_DATA", str(database.config.data))
    (tmp_path / "a.jpg").write_bytes(drawn_jpeg(KEPT, seed=1))
    (tmp_path / "b.jpg").write_bytes(drawn_jpeg(9, seed=2))
    inbox = [str(tmp_path / "a.jpg"), str(tmp_path / "b.jpg")]
    result = CliRunner().invoke(command, inbox)
    assert (result.exit_code, "add --faces" in result.stderr) == (0, True)
    assert asked() == 0, "a gate of digests alone needs no network"
    result = CliRunner().invoke(command, ["--faces", *inbox])
    assert (result.exit_code, result.stdout) == (1, f"{inbox[0]}\n")
    assert "until a person has looked" in result.stderr
    lines = CliRunner().invoke(command, ["--faces", "--lines", *inbox]).stdout.splitlines()
    assert [(json.loads(line)["stopped"], json.loads(line)["held"]) for line in lines] == [
        (False, True),
        (False, False),
    ]
    with database.writing() as session:
        forget_face(session, kept)
    before = asked()
    assert CliRunner().invoke(command, ["--faces", *inbox]).exit_code == 0
    assert asked() == before, "where no face is kept nobody looks at faces"


def test_programs_are_told_that_it_is_held_and_never_who(
    database: Database, kept: str, asked: Callable[[], int]
) -> None:
    client = create_app(replace(database.config, gate_token=TOKEN)).test_client()
    shown = {"Authorization": f"Bearer {TOKEN}"}
    mine, other = drawn_jpeg(KEPT, seed=1), drawn_jpeg(9, seed=2)
    assert client.post("/gate", data=mine, headers=shown).json == {"stopped": False, "by": None, "picture": True}
    assert asked() == 0
    held = client.post("/gate?faces=yes", data=mine, headers=shown).json
    assert held == {"stopped": False, "by": "face", "picture": True, "held": True}
    clear = client.post("/gate?faces=yes", data=other, headers=shown).json
    assert clear == {"stopped": False, "by": None, "picture": True, "held": False}
    assert client.post("/gate?faces=maybe", data=mine, headers=shown).status_code == 422
    assert client.post("/gate?faces=yes", data=mine).status_code == 403


def test_who_looks_and_stands_still_is_ended_so_that_nobody_waits_for_ever(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "SECONDS", 0.1)
    asker = FaceAsker(database.config)
    still = subprocess.Popen(["sleep", "600"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    asker._process = still
    for data in (b"x", bytes(1 << 20)):
        with pytest.raises(Unavailable, match="cannot be looked at now"):
            asker.ask(data)
        assert still.poll() is not None
        still = asker._process = subprocess.Popen(["sleep", "600"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    asker.close()
    assert still.poll() is not None


def test_a_real_face_is_held_back_by_a_real_process(
    database: Database, photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another photograph of the same man is held, one of another man is not; a process that is killed starts again."""
    encoder = encoders.load_encoder()
    pixels = images.open_picture((photographs / "obama.jpg").read_bytes()).pixels
    template = encoder.encode(encoder.cut(pixels, encoder.find(pixels)[:1]))[0].astype("<f4").tobytes()
    keep(database, encoder.name, encoder.version, template)
    with FaceAsker(database.config) as asker:
        assert asker.ask((photographs / "obama2.jpg").read_bytes()) == "held"
        assert asker.ask((photographs / "biden.jpg").read_bytes()) == "clear"
        assert asker.ask(b"no picture") == "no-picture"
    with database.writing() as session:
        assert session.scalars(select(KeptFace)).one().sealed != template
    monkeypatch.setattr("sys.executable", "/bin/false")
    with FaceAsker(database.config) as broken, pytest.raises(Unavailable):
        broken.ask(b"x" * 100_000)
