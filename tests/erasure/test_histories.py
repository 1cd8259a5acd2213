"""Two certificates of one log agree; a log with two histories is found; and the verifier is small and alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from portal import audit, proofs
from portal.audit import consistency, merkle, notes
from portal.audit.checkpoint import Head, Proof, write_head, write_proof
from portal.db import Database
from portal.erasure import certificate, histories, verifying
from portal.keys import keys_of
from portal.tables import Certificate
from tests.erasure.certified import issued

MOST_LINES = 250


def later(database: Database, certificate_id: str, entries: int) -> bytes:
    with database.writing() as session:
        for number in range(entries):
            audit.append(session, "test", {"number": number})
        audit.publish(session)
        return certificate.file_of(session, session.get_one(Certificate, certificate_id))


def test_two_certificates_of_one_log_agree_and_a_second_history_is_found(database: Database) -> None:
    with database.writing() as session:
        made, first, key = issued(session)
        certificate_id, signing = made.id, keys_of(session).signing_key
    second = later(database, certificate_id, 9)
    one, other = histories.head_of(first, key), histories.head_of(second, key)
    histories.check(one, one, None)
    with pytest.raises(verifying.Unreadable) as needed:
        histories.check(one, other, None)
    assert needed.value.code == "proof-needed"
    with database.reading() as session:
        proof = consistency.prove(session, one.size, other.size)
    histories.check(one, other, proof)
    histories.check(other, one, proof)
    for bad in (proof[:-1], proof.replace("from", "From"), "", proof + "x\n", f"{consistency.HEADER}\n"):
        with pytest.raises(verifying.Unreadable):
            histories.check(one, other, bad)
    # The issuer signs another history with as many entries, and one that is longer, with the same statement in it.
    parts = json.loads(second)
    leaf = proofs.leaf_hash(parts["statement"].encode())
    for size in (one.size, other.size):
        leaves = [merkle.leaf_hash(b"other %d" % number) for number in range(size)]
        leaves[other.index] = leaf
        head = Head(key.split("+")[0], size, merkle.root(leaves))
        path = tuple(merkle.inclusion_proof(leaves, other.index))
        note = notes.sign(write_head(head), head.origin, signing)
        text = write_proof(Proof(other.index, path, note))
        forged = histories.head_of(verifying.write_file(parts["statement"], parts["items"], text), key)
        with pytest.raises(verifying.Changed) as forked:
            histories.check(one, forged, proof)
        assert forked.value.code == "forked"


def test_the_verifier_is_one_short_file_that_opens_no_socket(database: Database, tmp_path: Path) -> None:
    with database.writing() as session:
        _, file, key = issued(session)
    program = (
        "import runpy, sys, socket\n"
        "def refuse(*given, **more): raise AssertionError('network')\n"
        "socket.socket = refuse\n"
        "sys.argv = ['proofs.py', sys.argv[2]]\n"
        "runpy.run_path(sys.orig_argv[-2], run_name='__main__')\n"
        "assert not [name for name in sys.modules if name.split('.')[0] in ('portal', 'flask', 'sqlalchemy')]\n"
    )
    source = Path(proofs.__file__)
    command = [sys.executable, "-I", "-c", program, str(source), key]
    good = subprocess.run(command, input=file, capture_output=True, timeout=60, check=False, cwd=tmp_path)
    assert (good.returncode, good.stderr) == (0, b"")
    assert b"is genuine: full" in good.stdout
    changed = file.replace(b"EF-TEST-CASE", b"EF-EVIL-CASE")
    bad = subprocess.run(command, input=changed, capture_output=True, timeout=60, check=False, cwd=tmp_path)
    assert bad.returncode == 1
    assert b"The statement was changed" in bad.stderr
    assert len(source.read_text().splitlines()) <= MOST_LINES
