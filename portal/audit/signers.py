"""Keys of those who answer us: made on first use, on their own machine, without an installation."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey as SigningKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from portal.audit.notes import Verifier, verifier_of
from portal.errors import BadInput

__all__ = ["SigningKey", "key_in", "verifier_for"]


def key_in(path: Path) -> SigningKey:
    """The Ed25519 key in a file; made when it is missing, readable by its owner only. Raises BadInput."""
    if not path.exists():
        _make(path)
    if path.stat().st_mode & 0o077:
        raise BadInput(f"{path} can be read by others. Run: chmod 600 {path}")
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as problem:
        raise BadInput(f"There is no private key in {path} that can be read.") from problem
    if not isinstance(key, SigningKey):
        raise BadInput(f"{path} is not an Ed25519 key.")
    return key


def verifier_for(name: str, key: SigningKey) -> Verifier:
    """The public side of a key under this name."""
    return verifier_of(name, key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem = SigningKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    # Where another process was first, its key is the one.
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
