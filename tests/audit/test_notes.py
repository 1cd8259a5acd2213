"""Signed notes against the published example, and against everybody who would bend one."""

from __future__ import annotations

import base64
import random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from portal.audit import notes

# The example of the reference implementation (golang.org/x/mod/sumdb/note).
KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PRIVATE = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
SIGNATURE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
NOTE = f"{TEXT}\n{SIGNATURE}"
POEM = (
    "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n"
    "— quasimodo.example/salvatore "
    "NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
)


def known() -> list[notes.Verifier]:
    return [notes.read_key_line(KEY)]


def refusal(note: str) -> str:
    with pytest.raises(notes.NoteRefused) as refused:
        notes.open_note(note, known())
    return refused.value.code


def test_the_published_note_opens() -> None:
    assert notes.open_note(NOTE, known()).text == TEXT


def test_signing_gives_the_published_bytes() -> None:
    key = Ed25519PrivateKey.from_private_bytes(PRIVATE)
    assert notes.sign(TEXT, "PeterNeumann", key) == NOTE
    assert notes.key_line(known()[0]) == KEY


def test_a_text_may_hold_empty_lines() -> None:
    # The key of the specification's poem is not published: it must be understood, and then be unknown.
    assert refusal(POEM) == "unknown-key"


def test_signatures_by_unknown_keys_are_ignored() -> None:
    witness = notes.sign(TEXT, "witness.example", Ed25519PrivateKey.generate()).split("\n\n")[1]
    opened = notes.open_note(NOTE + witness, known())
    assert opened.text == TEXT
    assert refusal(f"{TEXT}\n{witness}") == "unknown-key"


def test_a_bad_signature_by_a_known_key_rejects_the_note() -> None:
    assert refusal(NOTE.replace("answer", "Answer")) == "bad-signature"
    forged = "— PeterNeumann " + base64.b64encode(known()[0].key_id + b"\0" * 64).decode() + "\n"
    assert refusal(NOTE + forged) == "bad-signature"


def test_ten_thousand_flipped_bits_are_all_refused() -> None:
    chance = random.Random(6962)
    data = bytearray(NOTE.encode())
    for _ in range(10_000):
        at, bit = chance.randrange(len(data)), 1 << chance.randrange(8)
        data[at] ^= bit
        try:
            flipped = bytes(data).decode()
        except UnicodeDecodeError:
            continue
        finally:
            data[at] ^= bit
        refusal(flipped)


@pytest.mark.parametrize(
    "note",
    [
        "",
        TEXT,
        SIGNATURE,
        f"{TEXT}{SIGNATURE}",
        NOTE[:-1],
        NOTE + "\n",
        NOTE.replace("\n", "\r\n"),
        NOTE.replace("answer", "an\x07wer"),
        NOTE.replace("— P", "- P"),
        NOTE.replace("— P", "—  P"),
        NOTE.replace("PeterNeumann", "Peter Neumann"),
        NOTE.replace("PeterNeumann", "Peter\u2003Neumann"),
        NOTE.replace("PeterNeumann", "Peter+Neumann"),
        NOTE.replace("nAM=", "nAN="),
        NOTE.replace("nAM=", "nAM"),
        NOTE.replace("x08g", "x08g "),
        f"{TEXT}\n— PeterNeumann x08goA==\n"[:-5] + "\n",
        f"{TEXT}\n" + SIGNATURE * 101,
        "\ud800\n\n" + SIGNATURE,
    ],
)
def test_what_is_not_written_as_a_note_is_refused(note: str) -> None:
    assert refusal(note) == "malformed"


def test_every_mangled_key_line_is_refused() -> None:
    mangled = {KEY[start:end] for start in range(len(KEY)) for end in range(start + 1, len(KEY) + 1)} - {KEY}
    mangled |= {KEY[:at] + chr(ord(KEY[at]) + 1) + KEY[at + 1 :] for at in range(len(KEY))}
    mangled |= {
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        KEY.replace("c74f20a3", "C74F20A3"),
        KEY + "\n",
    }
    for line in mangled:
        with pytest.raises(notes.NoteRefused):
            notes.read_key_line(line)


@pytest.mark.parametrize("text", ["", "+1", "-1", "01", "1_0", " 1", "1\n", "١", "1e3", "9" * 20, "0x1"])
def test_only_plain_numbers_are_numbers(text: str) -> None:
    with pytest.raises(notes.NoteRefused):
        notes.read_decimal(text)


def test_plain_numbers_are_read() -> None:
    assert [notes.read_decimal(text) for text in ("0", "7", "20852163")] == [0, 7, 20852163]


def test_a_text_without_its_last_new_line_is_not_signed() -> None:
    with pytest.raises(notes.NoteRefused):
        notes.sign("text", "name", Ed25519PrivateKey.generate())
