"""DVC: `.dvc` files, `dvc.lock`, and the kinds of artifacts in `dvc.yaml`. A path is a name, its MD5 the version.

DVC keeps no days: the day on which the file was last changed is taken. A folder's MD5 ends in `.dir`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any

from portal.errors import BadInput
from portal.lineage.importing.documents import as_object, day_of_file, objects_in, read_yaml, text_in
from portal.lineage.importing.facts import (
    DatasetFact,
    DerivedFact,
    Facts,
    ModelFact,
    Named,
    UseFact,
    holds_weights,
    shown,
)

MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")
DIGESTS = ("md5", "etag", "checksum")


def read(path: Path) -> Facts:
    """What a `.dvc` file, a `dvc.lock` or a folder with them tells. Raises BadInput."""
    repository = _Repository(path if path.is_dir() else path.parent)
    files = sorted(_files(path)) if path.is_dir() else [path]
    if not files:
        raise BadInput(f"There is no .dvc file and no dvc.lock in {shown(path.name)}.")
    for file in files:
        repository.learn_kinds(file.with_name("dvc.yaml"))
        if file.suffix == ".dvc":
            repository.take_tracked(file)
        elif file.name == "dvc.lock":
            repository.take_stages(file)
    return repository.connected()


def _files(folder: Path) -> Iterator[Path]:
    """The files of a repository, without those DVC and git keep for themselves and without links."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        for name in names:
            if (name.endswith(".dvc") and name != ".dvc") or name == "dvc.lock":
                yield Path(place, name)


class _Repository:
    """What is known of the paths of one repository, before it is told in our words."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._models: set[str] = set()
        self._found: dict[str, tuple[str, date]] = {}
        self._steps: list[tuple[str, list[tuple[str, str]], list[tuple[str, str]], date]] = []

    def learn_kinds(self, file: Path) -> None:
        """`artifacts` of a dvc.yaml say which paths are models."""
        if not file.is_file():
            return
        artifacts = as_object(read_yaml(file).get("artifacts") or {}, file.name)
        for artifact in artifacts.values():
            one = as_object(artifact, file.name)
            if text_in(one, "type", file.name) == "model":
                self._models.add(self._path(file, text_in(one, "path", file.name, needed=True)))

    def take_tracked(self, file: Path) -> None:
        found = read_yaml(file)
        inside = text_in(found, "wdir", file.name)
        outs = self._outs(file, found.get("outs"), inside)
        if not outs:
            raise BadInput(f"{shown(file.name)} has no outs, so it is not a file of DVC.")
        origins = self._outs(file, found.get("deps"), inside)
        self._steps.append((file.name, origins, outs, day_of_file(file)))

    def take_stages(self, file: Path) -> None:
        stages = as_object(read_yaml(file).get("stages") or {}, file.name)
        for name, stage in stages.items():
            one = as_object(stage, f"{file.name}, stage {name}")
            outs, deps = self._outs(file, one.get("outs")), self._outs(file, one.get("deps"))
            self._steps.append((name, deps, outs, day_of_file(file)))

    def _outs(self, file: Path, found: Any, inside: str = "") -> list[tuple[str, str]]:
        """Paths and digests. `inside` is the folder to which the paths of a `.dvc` file belong, where it says one."""
        return [
            (self._path(file, text_in(one, "path", file.name, needed=True), inside), _digest(one, file.name))
            for one in objects_in(found, file.name)
        ]

    def _path(self, file: Path, path: str, inside: str = "") -> str:
        """As seen from the root of the repository. Raises BadInput where it leads out of it."""
        if "://" in path:
            return path
        steps: list[str] = []
        for part in PurePosixPath(file.parent.relative_to(self._root).as_posix(), inside, path).parts:
            if part == ".." and steps:
                steps.pop()
            elif part in ("..", "/"):
                raise BadInput(f"{shown(file.name)}: the path {shown(path)} leads out of the repository.")
            elif part != ".":
                steps.append(part)
        return "/".join(steps)

    def connected(self) -> Facts:
        facts = Facts()
        known = {out for _, _, outs, _ in self._steps for out in outs}
        for name, deps, outs, day in self._steps:
            for out in outs:
                self._tell(facts, out, day)
            for dep in deps:
                if dep not in known and not dep[1].endswith(".dir") and not self._is_model(dep):
                    facts.left_out.append(f"{shown(dep[0])} (of {shown(name)}) is not tracked by DVC: no data of ours.")
                    continue
                self._tell(facts, dep, day)
                for out in outs:
                    self._join(facts, name, dep, out, day)
        return facts

    def _is_model(self, named: Named) -> bool:
        return named[0] in self._models or holds_weights(named[0])

    def _tell(self, facts: Facts, named: Named, day: date) -> None:
        if self._is_model(named):
            facts.models.append(ModelFact(*named))
        else:
            facts.datasets.append(DatasetFact(*named, day, digest=f"md5:{named[1]}" if MD5.fullmatch(named[1]) else ""))

    def _join(self, facts: Facts, step: str, dep: Named, out: Named, day: date) -> None:
        made, origin = self._is_model(out), self._is_model(dep)
        if made and not origin:
            facts.uses.append(UseFact(out, dep, day, run=f"dvc stage {step}"[:200]))
        elif origin and not made:
            facts.left_out.append(
                f"{shown(out[0])} was made with the model {shown(dep[0])}. If it says something about people, write it "
                "down as a stored output."
            )
        else:
            facts.derived.append(DerivedFact(out, dep, day, of_models=made))


def _digest(one: dict[str, Any], name: str) -> str:
    for kind in DIGESTS:
        if value := text_in(one, kind, name):
            if kind == "md5" and not MD5.fullmatch(value):
                raise BadInput(f"{shown(name)}: {shown(value)} is not an MD5.")
            return value[:60]
    raise BadInput(
        f"{shown(name)}: {shown(str(one.get('path')))} has no digest. Run `dvc commit` or `dvc repro` first."
    )
