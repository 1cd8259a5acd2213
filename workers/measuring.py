"""Measuring the encoder against face_recognition, on one folder, in one run.

`python -m workers.measuring encode|encoder FOLDER [LIMIT]` prints one JSON object. Peer and portal take turns on
portions of the same files, so that whatever else the machine does meets both.

`python -m workers.measuring templates FOLDER FILE LABELS [peer]` writes the templates of labelled photographs to FILE.

`python -m workers.measuring scan ID` carries out one scan of the installation in EFFACE_DATA, as its worker would.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import platform
import sys
import time
from collections.abc import Callable
from importlib import metadata
from multiprocessing.pool import Pool
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import workers
from portal.config import read_config
from portal.db import Database
from portal.errors import BadInput, BadPicture
from portal.images import Box, Opener, open_picture
from portal.matching.labels import read_labels
from portal.stores.seeing import Look
from workers import encoder as encoders
from workers.looking import Looker, Problem
from workers.scanning import PAGE_PICTURES

PROCESSES = 2
# Of both, so that each process has four full batches of ours, and little of the time is spent in waiting for the last.
PORTION = 4 * PROCESSES * PAGE_PICTURES
# From this shared part of two boxes' joint area on, they are of the same face.
SAME_FACE = 0.4
MOST_CHIPS = 5000
SECONDS_TO_MEET = 300
Result = dict[str, Any]
# What one file gave: boxes, templates; None when the file could not be opened.
Looked = tuple[list[Box], list[list[float]]] | None

_engine: dict[str, Any] = {}


def measure_encode(paths: list[Path]) -> Result:
    """Both pipelines over the files, with PROCESSES processes each. Starting them is not counted.

    What a scan refuses as no picture is left out for both: to refuse is faster than to look.
    """
    # A pool starts a process again and again that fails as it starts: so ours does here first.
    encoders.load_encoder()
    every, paths = paths, [path for path in paths if _opens(path)]
    if not paths:
        raise BadInput("None of these files is a picture that a scan opens.")
    context = multiprocessing.get_context("spawn")
    theirs: list[Looked] = []
    ours: list[Looked] = []
    seconds = {"peer": 0.0, "ours": 0.0}
    meet = context.Barrier(PROCESSES), context.Barrier(PROCESSES)
    with (
        context.Pool(PROCESSES, _start_peer, meet[:1]) as peer_pool,
        context.Pool(PROCESSES, _start_ours, meet[1:]) as our_pool,
    ):
        for pool, work in ((peer_pool, _peer), (our_pool, _ours)):
            # A full batch: some of what ours needs is made only for many faces.
            pool.map(_begin, [(work, [str(path) for path in paths[:PAGE_PICTURES]])] * PROCESSES, chunksize=1)
        for at in range(0, len(paths), PORTION):
            portion = paths[at : at + PORTION]
            for name, pool, work, into in (
                ("peer", peer_pool, _peer, theirs),
                ("ours", our_pool, _ours, ours),
            ):
                started = time.perf_counter()
                into += _run(pool, work, portion)
                seconds[name] += time.perf_counter() - started
    rates = {f"{name}_photos_per_s": len(paths) / spent for name, spent in seconds.items()}
    ratio = rates["ours_photos_per_s"] / rates["peer_photos_per_s"]
    return {
        "photos": len(paths),
        "left_out": len(every) - len(paths),
        **rates,
        "ratio": ratio,
        **compare(theirs, ours),
        **_machine(),
    }


def _opens(path: Path) -> bool:
    try:
        open_picture(path.read_bytes())
    except BadPicture:
        return False
    return True


def compare(theirs: list[Looked], ours: list[Looked]) -> Result:
    """Faces of both, and how far apart the templates of the same face are (Euclidean)."""
    recovered, drifts, largest = 0, [], 0.0
    for peer, own in zip(theirs, ours, strict=True):
        for box, template in zip(*(peer or ([], [])), strict=True):
            at, overlap = _most_alike(box, own[0] if own else [])
            if own is not None and overlap >= SAME_FACE:
                recovered += 1
                apart = np.subtract(own[1][at], template)
                drifts.append(float(np.linalg.norm(apart)))
                largest = max(largest, float(np.abs(apart).max()))
    faces = sum(len(look[0]) for look in theirs if look)
    return {
        "peer_faces": faces,
        "our_faces": sum(len(look[0]) for look in ours if look),
        "peer_faces_recovered": recovered,
        "recovered_share": recovered / faces if faces else None,
        "photos_with_face_peer": sum(bool(look and look[0]) for look in theirs),
        "photos_with_face_ours": sum(bool(look and look[0]) for look in ours),
        "unreadable_peer": theirs.count(None),
        "unreadable_ours": ours.count(None),
        "max_abs_diff": largest if drifts else None,
        "template_difference_median": float(np.median(drifts)) if drifts else None,
        "template_difference_p90": float(np.quantile(drifts, 0.9)) if drifts else None,
    }


def measure_encoder(paths: list[Path]) -> Result:
    """The encoder alone on the same chips of real faces and their mirror images, one thread each, in processor time."""
    from workers.encoder.comparing import PlainEncoder, load_fast

    chips = _chips(paths, load_fast("fp32"))
    peer = PlainEncoder()
    peer.encode_chips(chips[:1])
    peer_ms, theirs = _timed(lambda: peer.encode_chips(chips), len(chips))
    result: Result = {"faces": len(chips), "peer_ms_per_face": peer_ms, "peer_photos_per_s": 1000 / peer_ms}
    for precision in ("fp32", "bf16"):
        own = load_fast(precision)
        own.encode_plain(chips)
        spent, found = _timed(lambda own=own: own.encode_plain(chips), len(chips))  # type: ignore[misc]
        result[f"{precision}_ms_per_face"], result[f"{precision}_ratio"] = spent, peer_ms / spent
        result[f"{precision}_max_abs_diff"] = float(np.abs(found - theirs).max())
        result[f"{precision}_max_l2"] = float(np.linalg.norm(found - theirs, axis=1).max())
    result |= {"ours_photos_per_s": 1000 / result["fp32_ms_per_face"]}
    result |= {"ratio": result["fp32_ratio"], "max_abs_diff": result["fp32_max_abs_diff"]}
    return {**result, **_machine()}


def _chips(paths: list[Path], fast: Any) -> Any:
    chips: list[Any] = []
    with Opener() as opener:
        for path in paths:
            try:
                pixels = opener.open(path.read_bytes()).pixels
            except BadPicture:
                continue
            chips += list(fast.cut(pixels, fast.find(pixels)))
            if len(chips) >= MOST_CHIPS:
                break
    if not chips:
        raise BadInput("There is no face in these photographs.")
    found = np.stack(chips)
    return np.concatenate([found, found[:, :, ::-1]])


def _timed(act: Callable[[], Any], count: int) -> tuple[float, Any]:
    """Milliseconds of processor time for each of `count`."""
    started = time.process_time()
    answer = act()
    return (time.process_time() - started) * 1000 / count, answer


def _run(pool: Pool, work: Callable[[list[str]], list[Looked]], paths: list[Path]) -> list[Looked]:
    """Theirs one file after the other, ours by batches, as each is used.

    A scan always has the next batch ready; here the last ones are made short, so that no process waits for another.
    """
    size = max(1, min(PAGE_PICTURES, len(paths) // (2 * PROCESSES))) if work is _ours else 1
    batches = [[str(path) for path in paths[at : at + size]] for at in range(0, len(paths), size)]
    return [looked for found in pool.map(work, batches, chunksize=1) for looked in found]


def _start_peer(meet: Barrier | None = None) -> None:
    from workers.encoder.comparing import PlainPipeline

    _engine.update(peer=PlainPipeline(), meet=meet)
    threadpool_limits(1)


def _start_ours(meet: Barrier | None = None) -> None:
    _engine.update(ours=Looker([encoders.load_encoder()]), meet=meet)
    # As in the processes of a scan. The peer has the same: two on two cores would be in each other's way.
    threadpool_limits(1)


def _begin(given: tuple[Callable[[list[str]], list[Looked]], list[str]]) -> None:
    """Work that is not counted, once in each process: none takes another's, as all begin together."""
    work, paths = given
    _engine["meet"].wait(SECONDS_TO_MEET)
    work(paths)


def _peer(paths: list[str]) -> list[Looked]:
    return [_engine["peer"].look(path) for path in paths]


def _ours(paths: list[str]) -> list[Looked]:
    """What a process of a scan does with files that are new to it."""
    return [_boxes_and_templates(one) if isinstance(one, Look) else None for one in _looked(paths)]


def _looked(paths: list[str]) -> list[Look | Problem]:
    read = [Path(path).read_bytes() for path in paths]
    looked: list[Look | Problem] = _engine["ours"].look([(hashlib.sha256(data).digest(), data) for data in read])
    return looked


def _boxes_and_templates(look: Look) -> tuple[list[Box], list[list[float]]]:
    return list(look.boxes), [np.frombuffer(template, "<f4").tolist() for template in look.templates[0]]


def _most_alike(box: Box, boxes: list[Box]) -> tuple[int, float]:
    """Which of `boxes` shares most with `box`, and how much: shared over joint area."""
    best = (0, 0.0)
    for at, other in enumerate(boxes):
        width = min(box[2], other[2]) - max(box[0], other[0])
        height = min(box[3], other[3]) - max(box[1], other[1])
        shared = max(0, width) * max(0, height)
        overlap = shared / (_area(box) + _area(other) - shared) if shared else 0.0
        best = max(best, (at, overlap), key=lambda pair: pair[1])
    return best


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _machine() -> Result:
    names = ("face-recognition", "dlib-bin", "face-recognition-models", "openvino", "numpy", "pillow")
    return {
        "processes": PROCESSES,
        "encoder": f"{encoders.load_encoder().name} {encoders.load_encoder().version}",
        "peer": "face_recognition.face_locations + face_encodings",
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "versions": {name: metadata.version(name) for name in names if _installed(name)},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _installed(name: str) -> bool:
    return any(metadata.distributions(name=name))


def files_in(folder: Path, limit: int | None) -> list[Path]:
    """The files below a folder, evenly thinned out to `limit`. Raises BadInput when there are none."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    if not paths:
        raise BadInput(f"There are no files in {folder}.")
    if limit is None or limit >= len(paths):
        return paths
    return [paths[at * len(paths) // limit] for at in range(limit)]


def write_templates(folder: Path, file: Path, labels: Path, peer: bool) -> Result:
    """The largest face of each labelled photograph, by us and with `peer` by face_recognition, to a NumPy file.

    Arrays `ours` and `peer` (n, d), NaN where no face was found, and `fallback` (n,). The file is for its reader alone.
    """
    paths = [str(one.path) for one in read_labels(folder, labels)]
    portions = [paths[at : at + PAGE_PICTURES] for at in range(0, len(paths), PAGE_PICTURES)]
    context = multiprocessing.get_context("spawn")
    encoder = encoders.load_encoder()
    with context.Pool(PROCESSES, _start_ours) as pool:
        looks = [look for found in pool.imap(_look_at, portions) for look in found]
    arrays = {
        "ours": np.array([_largest(look, encoder.dimensions) for look in looks], np.float32),
        "fallback": np.array([look is not None and look[2] for look in looks]),
    }
    if peer:
        with context.Pool(PROCESSES, _start_peer) as pool:
            theirs = [look for found in pool.imap(_peer, portions) for look in found]
        arrays["peer"] = np.array([_largest(look, 128) for look in theirs], np.float32)
    np.savez(file, allow_pickle=False, **arrays)
    return {"photos": len(paths), "name": encoder.name, "version": encoder.version, **_machine()}


def _look_at(paths: list[str]) -> list[tuple[list[Box], list[list[float]], bool] | None]:
    """As `_ours`, and whether the fallback detector found them."""
    return [(*_boxes_and_templates(one), one.fallback) if isinstance(one, Look) else None for one in _looked(paths)]


def _largest(look: Any, dimensions: int) -> list[float]:
    if not look or not look[0]:
        return [float("nan")] * dimensions
    areas = [_area(box) for box in look[0]]
    largest: list[float] = look[1][areas.index(max(areas))]
    return largest


def carry_out_scan(scan_id: str) -> Result:
    """Carry out a scan that is due. Returns what `workers.carry_out` says, and the seconds it took."""
    database = Database(read_config())
    started = time.perf_counter()
    result = workers.carry_out(database, "scanning", scan_id)
    database.close()
    return {"result": result, "seconds": time.perf_counter() - started, **_machine()}


def main(what: str, where: str, *more: str) -> None:
    """Print the figures as JSON."""
    try:
        sys.stdout.write(json.dumps(_measured(what, where, *more)) + "\n")
    except BadInput as problem:
        sys.exit(problem.sentence)


def _measured(what: str, where: str, *more: str) -> Result:
    if what == "scan":
        return carry_out_scan(where)
    if what == "templates":
        return write_templates(Path(where), Path(more[0]), Path(more[1]), "peer" in more[2:])
    measures = {"encode": measure_encode, "encoder": measure_encoder}
    return measures[what](files_in(Path(where), int(more[0]) if more else None))


if __name__ == "__main__":
    main(*sys.argv[1:])
