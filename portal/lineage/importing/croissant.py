"""Croissant JSON-LD: a dataset that describes itself (mlcommons.org/croissant/1.0 and 1.1).

Read are name, version, license, url, description, dates, distribution, recordSet and isBasedOn. A file object that is a
picture itself is matched by its SHA-256; pictures inside an archive are not listed in such a file.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from portal.errors import BadInput
from portal.lineage.importing.documents import as_object, day_of_file, day_of_text, objects_in, read_json, text_in
from portal.lineage.importing.facts import UNVERSIONED, DatasetFact, DerivedFact, Facts, PictureFact

SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def read(path: Path) -> Facts:
    """What a Croissant file tells. Raises BadInput."""
    found = as_object(read_json(path), path.name)
    if not is_croissant(found):
        raise BadInput(f"{path.name} is not Croissant: it conforms to nothing at mlcommons.org/croissant.")
    files = [one for one in objects_in(found.get("distribution"), path.name) if _type(one) == "FileObject"]
    dataset = _dataset(path, found, files)
    facts = Facts(datasets=[dataset])
    for one in files:
        sha256 = text_in(one, "sha256", path.name)
        if not any(kind.startswith("image/") for kind in _links(one.get("encodingFormat"))):
            continue
        if SHA256.fullmatch(sha256):
            facts.pictures.append(PictureFact(dataset.named, bytes.fromhex(sha256)))
        else:
            facts.left_out.append(f"The picture {_label(one)} has no SHA-256 in the file, so it cannot be matched.")
    for based in _links(found.get("isBasedOn")):
        facts.derived.append(DerivedFact(dataset.named, ("", based), dataset.made_on))
    return facts


def is_croissant(found: Any) -> bool:
    """Whether a JSON value says of itself that it is Croissant."""
    if not isinstance(found, dict):
        return False
    conforms = found.get("conformsTo", found.get("dct:conformsTo"))
    return any("mlcommons.org/croissant" in one for one in _links(conforms))


def _dataset(path: Path, found: dict[str, Any], files: list[dict[str, Any]]) -> DatasetFact:
    day = text_in(found, "dateCreated", path.name) or text_in(found, "datePublished", path.name)
    sets = [_label(one) for one in objects_in(found.get("recordSet"), path.name)]
    said = [text_in(found, "description", path.name), f"Record sets: {', '.join(sets)}." if sets else ""]
    digests = sorted(one["sha256"].lower() for one in files if SHA256.fullmatch(str(one.get("sha256", ""))))
    return DatasetFact(
        name=text_in(found, "name", path.name, needed=True),
        version=text_in(found, "version", path.name) or UNVERSIONED,
        made_on=day_of_text(day, path.name) if day else day_of_file(path),
        description="\n".join(one for one in said if one)[:5000],
        digest=_digest(digests),
        licence=", ".join(_links(found.get("license")))[:500],
        url=text_in(found, "url", path.name),
    )


def _digest(digests: list[str]) -> str:
    """Of one file its own SHA-256; of several that of their sorted list, one on each line."""
    if len(digests) < 2:
        return f"sha256:{digests[0]}" if digests else ""
    listed = "".join(one + "\n" for one in digests)
    return f"sha256-list:{hashlib.sha256(listed.encode()).hexdigest()}"


def _type(one: dict[str, Any]) -> str:
    return str(one.get("@type", "")).rpartition(":")[2].rpartition("/")[2]


def _label(one: dict[str, Any]) -> str:
    return str(one.get("name") or one.get("@id") or "without a name")[:200]


def _links(found: Any) -> list[str]:
    """Texts, or the addresses of objects: JSON-LD allows both, one or a list."""
    values = found if isinstance(found, list) else [found]
    named = [one.get("@id") or one.get("url") or one.get("name") if isinstance(one, dict) else one for one in values]
    return [one for one in named if isinstance(one, str) and one]
