"""What people keep to come back: a reference they can read out, and secret words they can remember."""

from __future__ import annotations

import secrets
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# No 0, O, 1, I or L: they are mistaken for each other when a reference is read out or written down.
ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
WORDS = 5
# OWASP's smallest Argon2id setting. The words are random (55 bits), so the hash only has to slow a guess down.
HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)


@cache
def listed() -> tuple[str, ...]:
    """The 2,048 words: short, friendly, without pairs that sound alike."""
    return tuple(Path(__file__).with_name("words.txt").read_text().split())


def new_words() -> str:
    """Five random words, 55 bits."""
    return " ".join(secrets.choice(listed()) for _ in range(WORDS))


def new_reference() -> str:
    """`EF-XXXX-XXXX`, random: a counter would tell how many others asked."""
    text = "".join(secrets.choice(ALPHABET) for _ in range(8))
    return f"EF-{text[:4]}-{text[4:]}"


def as_words(typed: str) -> str:
    """Secret words as they are hashed, however they were typed."""
    return " ".join("".join(each if each.isalpha() else " " for each in typed.lower()).split())


def as_reference(typed: str) -> str:
    """A reference as it is stored, however it was typed: `ef 7k3m q2hx` is `EF-7K3M-Q2HX`."""
    text = "".join(each for each in typed.upper() if each.isascii() and each.isalnum()).removeprefix("EF")
    return f"EF-{text[:4]}-{text[4:12]}"


def hashed(words: str) -> str:
    return HASHER.hash(as_words(words))


def is_right(digest: str, typed: str) -> bool:
    """True when `typed` are the words of `digest`. Takes as long for wrong ones."""
    try:
        return HASHER.verify(digest, as_words(typed)[:200])
    except (VerificationError, InvalidHashError):
        return False
