"""Does a face that is kept hold back new photographs of it, and nobody else's? Real faces, by the rule of the gate.

Half of the people have their face kept, one template of three photographs, as after a deletion. All other
photographs come in. Then the halves change places. `--people DIR` has a folder for each person; else it is the demo's.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections import defaultdict
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from portal import clock, schema
from portal.config import Config
from portal.db import Database
from portal.matching import thresholds
from portal.matching.kept_out import KeptOut
from portal.stores import seeing
from portal.stores.seeing import Look
from portal.suppression import Faces, faces
from portal.tables import Encoder
from tests.suppression.rows import an_erasure
from workers.encoder import load_encoder
from workers.looking import Looker

DEMO = Path(__file__).resolve().parents[2] / "build" / "photographs"
# Pictures of things lie beside the demo's portraits.
PORTRAIT = re.compile(r"(obama|biden|collins)")
AT_ONCE = 16
# Of so many photographs of a person, which are deleted, the face is kept: the one nearest to the others.
DELETED = 3
# Distances at which it is counted, too, to see what another threshold would cost.
ELSEWHERE = (0.36, 0.42, 0.45, 0.5, 0.54, 0.6)
MOST_FALSE_PERCENT = 1.0


def measure(people: str = "") -> dict[str, Any]:
    """Figure: of 100 photographs of other people how many are held back, and of the kept ones how many are missed."""
    if not people and not DEMO.is_dir():
        raise click.ClickException("The demo's photographs are not here: `make photographs` fetches them.")
    looked = _look(_labelled(Path(people)) if people else _of_the_demo())
    names = sorted(looked)
    halves = [names[0::2], names[1::2]]
    counts: dict[str, int] = defaultdict(int)
    threshold = 0.0
    for kept, others in (halves, halves[::-1]):
        threshold = _come_in(looked, kept, others, counts)
    figure = {
        "false_holds_percent": _percent(counts["false_holds"], counts["of_others"]),
        "missed_percent": _percent(counts["missed"], counts["of_kept"]),
    }
    facts = {
        "people": len(looked),
        "photographs": sum(map(len, looked.values())),
        "without_a_face": sum(not look.boxes for each in looked.values() for look in each),
        "threshold": round(threshold, 3),
        **counts,
    }
    target = {"false_holds_percent": MOST_FALSE_PERCENT}
    ok = bool(counts["of_others"]) and figure["false_holds_percent"] <= MOST_FALSE_PERCENT
    return {"name": "gate-faces", "figure": figure, "target": target, "ok": ok, "counts": facts}


def _come_in(looked: dict[str, list[Look]], kept: list[str], others: list[str], counts: dict[str, int]) -> float:
    """Keep the faces of some people, let all photographs come in, and count. Returns the threshold of the gate."""
    encoder = load_encoder()
    with tempfile.TemporaryDirectory() as place, closing(Database(Config(data=Path(place)))) as database:
        schema.upgrade(database)
        with database.writing() as session:
            row = session.get_one(
                Encoder, seeing.encoder_id(session, encoder.name, encoder.version, encoder.dimensions)
            )
            of_kept = [look for name in kept for look in _keep(session, row, looked[name])]
        with database.reading() as session:
            gate, near = KeptOut(session, [(encoder.name, encoder.version)]), Faces(session, faces.name_of(row))
            threshold = thresholds.at_the_gate(session, row, len(gate))
        of_others = [look for name in others for look in looked[name]]
        for kind, some, wrong in (("of_kept", of_kept, "missed"), ("of_others", of_others, "false_holds")):
            counts[kind] += len(some)
            held = [gate.holds_back(look.digest, look.templates) for look in some]
            counts[wrong] += held.count(kind == "of_others")
            for distance in ELSEWHERE:
                there = [near.are_near(look.templates[0], distance) for look in some]
                counts[f"{wrong}_at_{distance}"] += there.count(kind == "of_others")
    return threshold


def _keep(session: Session, encoder: Encoder, looks: list[Look]) -> list[Look]:
    """Keep the face of the first photographs with exactly one. Returns the person's other photographs."""
    alone = [at for at, look in enumerate(looks) if len(look.boxes) == 1][:DELETED]
    if not alone:
        return []
    case_id, ends = an_erasure(session).case_id, clock.now() + timedelta(days=1)
    faces.keep_face(session, case_id, encoder, [looks[at].templates[0][0] for at in alone], ends)
    return [look for at, look in enumerate(looks) if at not in alone]


def _look(paths: dict[str, list[Path]]) -> dict[str, list[Look]]:
    """What the encoder finds in each photograph. What cannot be opened is left out."""
    named = [(name, path.read_bytes()) for name, found in sorted(paths.items()) for path in found]
    looked: dict[str, list[Look]] = defaultdict(list)
    with closing(Looker([load_encoder()])) as looker:
        for start in range(0, len(named), AT_ONCE):
            some = named[start : start + AT_ONCE]
            seen = looker.look([(hashlib.sha256(data).digest(), data) for _name, data in some])
            for (name, _data), look in zip(some, seen, strict=True):
                if isinstance(look, Look):
                    looked[name].append(look)
    return looked


def _labelled(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.parent != folder:
            found[path.parent.name].append(path)
    return found


def _of_the_demo() -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(DEMO.iterdir()):
        name = PORTRAIT.match(path.name)
        if name:
            found[name[0]].append(path)
    return found


def _percent(some: int, of: int) -> float:
    return round(100 * some / of, 2) if of else 0.0
