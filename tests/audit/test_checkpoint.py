"""Checkpoints and proofs as text."""

from __future__ import annotations

import base64

import pytest

from portal.audit.checkpoint import Head, Proof, read_head, read_proof, write_head, write_proof
from portal.audit.notes import NoteRefused

ROOT = base64.b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
# The example of the specification (c2sp.org/tlog-checkpoint).
HEAD = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
PROOF = f"c2sp.org/tlog-proof@v1\nindex 7\n{base64.b64encode(ROOT).decode()}\n\n{HEAD}\n— a b\n"


def test_the_published_head_is_read_and_written_the_same() -> None:
    head = read_head(HEAD)
    assert head == Head("example.com/behind-the-sofa", 20852163, ROOT)
    assert write_head(head) == HEAD


def test_a_proof_is_read_and_written_the_same() -> None:
    proof = read_proof(PROOF)
    assert proof == Proof(7, (ROOT,), f"{HEAD}\n— a b\n")
    assert write_proof(proof) == PROOF


def test_a_proof_in_a_log_of_one_has_no_hashes() -> None:
    text = f"c2sp.org/tlog-proof@v1\nindex 0\n\n{HEAD}"
    assert write_proof(read_proof(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        HEAD[:-1],
        HEAD + "extension\n",
        "\n" + HEAD.split("\n", 1)[1],
        HEAD.replace("20852163", "020852163"),
        HEAD.replace("20852163", "+20852163"),
        HEAD.replace("q2I=", "q2J="),
        HEAD.replace("q2I=", "q2I"),
        "o\n1\nAAAA\n",
    ],
)
def test_a_bent_head_is_refused(text: str) -> None:
    with pytest.raises(NoteRefused):
        read_head(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        PROOF.replace("@v1", "@v2"),
        PROOF.replace("index 7", "index  7"),
        PROOF.replace("index 7", "index 07"),
        PROOF.replace("index 7", "Index 7"),
        PROOF.replace("index 7\n", ""),
        PROOF.replace("index 7", "extra AAAA\nindex 7"),
        PROOF.replace("q2I=\n\n", "q2J=\n\n"),
        PROOF.split("\n\n")[0],
        "c2sp.org/tlog-proof@v1\nindex 7\n" + (base64.b64encode(ROOT).decode() + "\n") * 64 + "\n" + HEAD,
    ],
)
def test_a_bent_proof_is_refused(text: str) -> None:
    with pytest.raises(NoteRefused):
        read_proof(text)
