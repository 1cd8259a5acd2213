"""The key store: sealing what rests, keyed digests, and the signing key.

Envelope encryption: each sealed value has its own random data key (AES-256-GCM), wrapped by the installation's
master key. The place (table, row and column) is authenticated with it, so a value moved elsewhere does not open.

Templates come by the million and are all opened at each start. They are sealed small: one key per table, derived from
the master key, and one AES-256-GCM each. Nothing is lost by it: an envelope's wrapped key lies in the same row and goes
with it, so either way a template is gone when its row is overwritten (secure_delete, then a truncating checkpoint).

What must end for good, in copies of the database, too, is sealed apart: under a key that lies in a file of its own
beside the master key. Once that is destroyed, no copy of what it sealed opens, and none is made under its name again.
Copies of the folder of keys are the operator's: they hold such a key for as long as they are kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import threading
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from sqlalchemy.orm import Session

from portal.db import config_of
from portal.errors import EffaceError, UnsafeConfig

VERSION = b"\x01"
SMALL = b"\x02"
APART = b"\x03"
NONCE = 12
WRAPPED = NONCE + 32 + 16
BROKEN = "A sealed value does not open: it was changed or moved, or the key is another."


class SealBroken(EffaceError):
    """The value was changed, moved to another row, or sealed with another master key."""

    code = "seal-broken"


class KeyDestroyed(EffaceError):
    """The key for this was destroyed on purpose: nothing is sealed or opened under its name any more."""

    code = "key-destroyed"


class Keys:
    """The keys of one installation, in `folder` (made at first use, readable by its owner only)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        _private_folder(folder)
        self._master = _made_once(folder / "master.key", lambda: secrets.token_bytes(32))
        if len(self._master) != 32:
            raise UnsafeConfig(f"{folder / 'master.key'} is not a 32-byte key.")
        self._derived: dict[str, bytes] = {}
        self._small: dict[str, AESGCM] = {}
        self._signing = load_pem_private_key(_made_once(folder / "signing.pem", _new_signing_key), password=None)

    def seal(self, plain: bytes, place: str) -> bytes:
        """Encrypt `plain` for `place`, such as `case/3f.../contact`. Returns version, wrapped data key, ciphertext."""
        data_key = AESGCM.generate_key(256)
        bound = f"efface/1|{place}".encode()
        return VERSION + _encrypt(self.derived("wrap"), data_key, bound) + _encrypt(data_key, plain, bound)

    def unseal(self, sealed: bytes, place: str) -> bytes:
        """What was sealed for `place`. Raises SealBroken."""
        bound = f"efface/1|{place}".encode()
        if sealed[:1] != VERSION:
            raise SealBroken("This value was sealed by another version.")
        data_key = _decrypt(self.derived("wrap"), sealed[1 : 1 + WRAPPED], bound)
        return _decrypt(data_key, sealed[1 + WRAPPED :], bound)

    def seal_small(self, plain: bytes, table: str, row: int) -> bytes:
        """Encrypt `plain` for one row of a table with many: version, nonce, ciphertext. For at most 2**32 values."""
        nonce = secrets.token_bytes(NONCE)
        return SMALL + nonce + self._small_key(table).encrypt(nonce, plain, b"efface/2|%b/%d" % (table.encode(), row))

    def unseal_small(self, sealed: bytes, table: str, row: int) -> bytes:
        """What was sealed for this row, small or in an envelope as `table/row`. Raises SealBroken."""
        if sealed[:1] != SMALL:
            return self.unseal(sealed, f"{table}/{row}")
        bound = b"efface/2|%b/%d" % (table.encode(), row)
        try:
            return self._small_key(table).decrypt(sealed[1 : 1 + NONCE], sealed[1 + NONCE :], bound)
        except (InvalidTag, ValueError) as problem:
            raise SealBroken(BROKEN) from problem

    def _small_key(self, table: str) -> AESGCM:
        key = self._small.get(table)
        if key is None:
            key = self._small[table] = AESGCM(self.derived(f"small/{table}"))
        return key

    def seal_apart(self, plain: bytes, kind: str, name: str) -> bytes:
        """Encrypt `plain` under a key of its own, made at first use. Raises KeyDestroyed."""
        place = f"{kind}/{name}"
        _private_folder(self.folder / kind)
        wrapped = _made_once(self._apart(kind, name), lambda: self.seal(secrets.token_bytes(32), f"key/{place}"))
        return APART + _encrypt(self._opened(wrapped, place), plain, b"efface/3|" + place.encode())

    def unseal_apart(self, sealed: bytes, kind: str, name: str) -> bytes:
        """What was sealed under the key of this name. Raises KeyDestroyed, SealBroken."""
        place, path = f"{kind}/{name}", self._apart(kind, name)
        if sealed[:1] != APART:
            raise SealBroken("This value was sealed by another version.")
        key = self._opened(path.read_bytes() if path.exists() else b"", place)
        return _decrypt(key, sealed[1:], b"efface/3|" + place.encode())

    def destroy_apart(self, kind: str, name: str) -> None:
        """Destroy the key of this name: what it sealed opens nowhere any more. It is on the disk when this returns.

        The file stays, empty, so that no key is ever made under the name again, even where there was none yet.
        """
        _private_folder(self.folder / kind)
        path = self._apart(kind, name)
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            file.write(bytes(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
            file.truncate(0)
            os.fsync(file.fileno())

    def is_destroyed(self, kind: str, name: str) -> bool:
        path = self._apart(kind, name)
        return path.exists() and path.stat().st_size == 0

    def _apart(self, kind: str, name: str) -> Path:
        return self.folder / kind / f"{name}.key"

    def _opened(self, wrapped: bytes, place: str) -> bytes:
        if not wrapped:
            raise KeyDestroyed("The key of this value was destroyed, so it can never be opened again.")
        return self.unseal(wrapped, f"key/{place}")

    def digest(self, purpose: str, data: bytes) -> str:
        """Keyed digest (HMAC-SHA256, hexadecimal) for comparing without keeping; purposes do not mix."""
        return hmac.new(self.derived(purpose), data, hashlib.sha256).hexdigest()

    def derived(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose, by HKDF from the master key."""
        if purpose not in self._derived:
            kdf = HKDF(SHA256(), 32, salt=None, info=f"efface/1/{purpose}".encode())
            self._derived[purpose] = kdf.derive(self._master)
        return self._derived[purpose]

    @property
    def signing_key(self) -> Ed25519PrivateKey:
        if not isinstance(self._signing, Ed25519PrivateKey):
            raise UnsafeConfig(f"{self.folder / 'signing.pem'} is not an Ed25519 key.")
        return self._signing

    @property
    def public_key(self) -> bytes:
        """The 32 raw bytes of the Ed25519 public key."""
        return self.signing_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


_cache: dict[Path, Keys] = {}
_cache_lock = threading.Lock()


def keys_in(data: Path) -> Keys:
    """The keys of the installation whose data folder this is."""
    folder = data.absolute() / "keys"
    with _cache_lock:
        if folder not in _cache:
            _cache[folder] = Keys(folder)
        return _cache[folder]


def keys_of(session: Session) -> Keys:
    return keys_in(config_of(session).data)


def contact_digest(session: Session, address: str) -> str:
    """Keyed digest of a mail address or a number, for counting and comparing without keeping it."""
    return keys_of(session).digest("contact", address.strip().lower().encode())


def token_digest(token: str) -> str:
    """SHA-256 of a random token of 128 bits or more: so long a secret needs no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def _encrypt(key: bytes, plain: bytes, bound: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound)


def _decrypt(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], bound)
    except (InvalidTag, ValueError) as problem:
        raise SealBroken(BROKEN) from problem


def _new_signing_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _private_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        raise UnsafeConfig(f"{folder} can be read by others. Run: chmod 700 {folder}")


def _made_once(path: Path, make: Callable[[], bytes]) -> bytes:
    """The file's bytes; made when missing. Two processes that start at once end with the same key."""
    if not path.exists():
        draft = path.with_suffix(f".{os.getpid()}-{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(make())
            file.flush()
            os.fsync(file.fileno())
        # Where another process was first, its key is the one.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    if path.stat().st_mode & 0o077:
        raise UnsafeConfig(f"{path} can be read by others. Run: chmod 600 {path}")
    return path.read_bytes()
