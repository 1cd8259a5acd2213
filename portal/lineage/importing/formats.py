"""Which format a file or folder has, by what is in it, and who reads it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from portal.errors import BadInput, NotFound
from portal.lineage.importing import croissant, dvc, mlflow, openlineage
from portal.lineage.importing.documents import read_json, read_json_lines
from portal.lineage.importing.facts import Facts, shown

READERS: dict[str, Callable[[Path], Facts]] = {
    "croissant": croissant.read,
    "mlflow": mlflow.read,
    "dvc": dvc.read,
    "openlineage": openlineage.read,
}
# A manifest says which photographs are in which dataset. It may be too large to be read at once: `places` streams it.
MANIFEST = "manifest"
FORMATS = (MANIFEST, *READERS)


def read(path: Path, name: str) -> Facts:
    """What a file or folder of this format tells. Raises BadInput, TooLarge, NotFound."""
    if name not in READERS:
        raise BadInput(f"There is no format called {shown(name)}. The formats are: {', '.join(FORMATS)}.")
    if not path.exists():
        raise NotFound(f"There is no file or folder called {shown(str(path))}.")
    return READERS[name](path)


def format_of(path: Path) -> str:
    """The name of the format. Raises BadInput where it is none of those, NotFound."""
    if not path.exists():
        raise NotFound(f"There is no file or folder called {shown(str(path))}.")
    if path.is_dir():
        return "mlflow" if mlflow.is_store(path) else "dvc"
    if path.suffix == ".dvc" or path.name == "dvc.lock":
        return "dvc"
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return MANIFEST
    if suffix in (".jsonl", ".ndjson"):
        first = next((found for _, found in read_json_lines(path)), None)
        return "openlineage" if openlineage.is_event(first) else MANIFEST
    if suffix in (".json", ".jsonld"):
        return _of_json(path)
    raise BadInput(f"The format of {shown(path.name)} is not known. Say which it is: {', '.join(FORMATS)}.")


def _of_json(path: Path) -> str:
    found = read_json(path)
    if croissant.is_croissant(found):
        return "croissant"
    if openlineage.is_event(found[0] if isinstance(found, list) and found else found):
        return "openlineage"
    raise BadInput(f"{shown(path.name)} is JSON, but neither Croissant nor events of OpenLineage.")
