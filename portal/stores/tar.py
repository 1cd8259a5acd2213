"""A store that is a folder of tar files, plain ones or the shards of a WebDataset. A key is `shard.tar/name in it`.

What stays in a shard that is written anew keeps its bytes and its order. Compressed archives are left out; `check`
names them.
"""

from __future__ import annotations

import hashlib
from typing import Any, BinaryIO

from portal.stores.archives import Archives
from portal.stores.connector import Texts
from portal.stores.shards import BROKEN, Member, Shard, chunks, copy_without, names_in, read_shard

COMPRESSED = (".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst", ".tar.lz4")
NAMED = 3


class Tar(Archives):
    """Connector to a folder of tar files. Settings: `folder`, an absolute path. See `Connector` for the methods."""

    ENDING = ".tar"
    BROKEN = BROKEN

    def _notes(self, others: Texts) -> Texts:
        packed = [key for key in others if key.lower().endswith(COMPRESSED)]
        notes = super()._notes([key for key in others if key not in packed])
        if packed:
            said = f"Compressed archives are left out. Unpack them to .tar first: {', '.join(packed[:NAMED])}."
            notes.insert(0, said)
        sample = "With the last picture of a sample its texts and labels go: files of the same name up to the dot."
        return [*notes, sample]

    def _look_into(self, file: BinaryIO, size: int) -> Shard:
        return read_shard(file, size)

    def _version(self, file: BinaryIO, contents: Shard, name: str) -> str:
        return _digest(file, contents.members[name], "blake2b").hex()[:32]

    def _bytes(self, file: BinaryIO, contents: Shard, name: str) -> bytes:
        member = contents.members[name][-1]
        file.seek(member.data)
        return b"".join(chunks(file, member.size))

    def _digest(self, file: BinaryIO, contents: Shard, name: str) -> bytes:
        return _digest(file, contents.members[name][-1:], "sha256")

    def _copy_without(self, file: BinaryIO, target: BinaryIO, contents: Shard, size: int, names: set[str]) -> None:
        # Older versions under the same name go with the newest: whoever unpacks the archive may see them.
        copy_without(file, target, size, [member for name in names for member in contents.members[name]])

    def _seen(self, file: BinaryIO, names: set[str]) -> set[str]:
        return {name for name in names_in(file) if name in names}


def _digest(file: BinaryIO, members: list[Member], algorithm: str) -> bytes:
    state: Any = hashlib.new(algorithm)
    for member in members:
        file.seek(member.data)
        for chunk in chunks(file, member.size):
            state.update(chunk)
    digest: bytes = state.digest()
    return digest
