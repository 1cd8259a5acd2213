"""The statement of an order counts only when all in it adds up, whoever signed it, and no byte of it is another."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from portal.erasure import histories
from portal.erasure import verifying as people
from portal.orders import heads, verifying
from portal.proofs import verifier_of
from tests.orders.signed import IMAGES, Signer, rewritten, said


@pytest.fixture(scope="module")
def signer() -> tuple[Signer, str]:
    private = Ed25519PrivateKey.generate()
    raw = private.public_key().public_bytes_raw()
    verifier = verifier_of("efface.example/log", raw)
    line = f"{verifier.name}+{verifier.key_id.hex()}+{base64.b64encode(bytes([1]) + raw).decode()}"
    return Signer(verifier.name, private), line


def test_the_whole_a_chunk_and_one_photograph_can_each_be_checked_alone(signer: tuple[Signer, str]) -> None:
    by, key = signer
    statement, lines, _ = verifying.verify(by.whole(said()), key)
    assert (statement["extent"], len(lines)) == ("full", 2)
    assert [len(verifying.verify(by.part(said(), number), key)[2]) for number in (0, 1)] == [IMAGES - 1, 1]
    assert [one["position"] for one in verifying.verify(by.photograph(said()), key)[2]] == [IMAGES - 1]
    one, other = heads.head_of(by.whole(said()), key), heads.head_of(by.part(said(), 0), key)
    with pytest.raises(people.Changed, match="contradict each other"):
        # The same place in the log, and not the same statement: the whole one has the digests of its lists.
        histories.check(one, other, None)


def test_even_the_issuer_cannot_sign_what_does_not_add_up(signer: tuple[Signer, str]) -> None:
    by, key = signer
    for file, words in by.refused():
        with pytest.raises((people.Changed, people.Unreadable), match=words):
            (verifying.verify if verifying.is_of_order(file) else people.verify)(file, key)


def test_no_bit_of_a_part_can_be_another(signer: tuple[Signer, str]) -> None:
    by, key = signer
    part = by.photograph(said())
    assert verifying.verify(part, key)
    for place in range(0, len(part), 3):
        for bit in (1, 32):
            changed = part[:place] + bytes([part[place] ^ bit]) + part[place + 1 :]
            with pytest.raises((people.Changed, people.Unreadable)):
                (verifying.verify if verifying.is_of_order(changed) else people.verify)(changed, key)
    for strange in ({"items": "\ud800\n"}, {"path": 1}, {"number": True}, {"format": ["efface-order-part/1"]}):
        with pytest.raises((people.Changed, people.Unreadable)):
            verifying.verify(rewritten_loosely(part, **strange), key)


def rewritten_loosely(file: bytes, **changed: object) -> bytes:
    """Also with half of a pair of surrogates, as JSON can have it."""
    try:
        return rewritten(file, **changed)
    except UnicodeEncodeError:
        return rewritten(file, items="SURROGATE").replace(b"SURROGATE", b"\\ud800\\n")
