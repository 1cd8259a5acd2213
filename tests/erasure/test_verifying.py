"""Nobody can change a certificate: not a bit of it, not with JSON tricks, not even the issuer by signing nonsense."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from portal.audit import merkle, notes
from portal.audit.checkpoint import Head, Proof, write_head, write_proof
from portal.audit.log import canonical
from portal.cli import certificate as commands
from portal.config import Config
from portal.db import Database
from portal.erasure import verifying, wording
from portal.errors import EffaceError
from portal.tables import Base
from tests.erasure.certified import issued, photo

Said = dict[str, Any]
Items = list[dict[str, Any]]


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str]:
    """A certificate file and the key it is to be checked with."""
    database = Database(Config(data=tmp_path_factory.mktemp("installation")))
    Base.metadata.create_all(database.engine)
    with database.writing() as session:
        _, file, key = issued(session)
    database.close()
    return file, key


def refusal(file: bytes, key: str) -> str:
    with pytest.raises((verifying.Changed, verifying.Unreadable)) as refused:
        verifying.verify(file, key)
    return refused.value.sentence


def items_in(parts: dict[str, str]) -> Items:
    return [json.loads(line) for line in parts["items"].split("\n") if line]


def forged(genuine: tuple[bytes, str], change: Callable[[Said, Items], None]) -> str:
    """The refusal of a file whose issuer signs what `change` made of the statement and the items."""
    parts = json.loads(genuine[0])
    statement = json.loads(parts["statement"])
    items = items_in(parts)
    change(statement, items)
    text = "".join(canonical(item).decode() + "\n" for item in items)
    statement["plan"]["items_digest"] = hashlib.sha256(text.encode()).hexdigest()
    body = canonical(statement)
    key = Ed25519PrivateKey.generate()
    verifier = notes.verifier_of("forger", key.public_key().public_bytes_raw())
    note = notes.sign(write_head(Head("forger", 1, merkle.leaf_hash(body))), "forger", key)
    file = verifying.write_file(body.decode(), text, write_proof(Proof(0, (), note)))
    return refusal(file, notes.key_line(verifier))


def test_a_genuine_file_is_accepted(genuine: tuple[bytes, str]) -> None:
    assert verifying.verify(*genuine)["extent"] == "full"
    assert verifying.verify(genuine[0], f"  {genuine[1]}\n")["extent"] == "full"


def test_every_single_byte_counts(genuine: tuple[bytes, str]) -> None:
    file, key = genuine
    data = bytearray(file)
    for at in range(len(data)):
        data[at] ^= 1
        refusal(bytes(data), key)
        data[at] ^= 1


def test_ten_thousand_flipped_bits_are_all_refused(genuine: tuple[bytes, str]) -> None:
    file, key = genuine
    chance = random.Random(9162)
    data = bytearray(file)
    for _ in range(10_000):
        at, bit = chance.randrange(len(data)), 1 << chance.randrange(8)
        data[at] ^= bit
        refusal(bytes(data), key)
        data[at] ^= bit


def test_bytes_cut_off_doubled_or_added_are_refused(genuine: tuple[bytes, str]) -> None:
    file, key = genuine
    chance = random.Random(7)
    for _ in range(300):
        start, length = chance.randrange(len(file)), chance.randrange(1, 40)
        refusal(file[:start] + file[start + length :], key)
        refusal(file[: start + length] + file[start:], key)
    for more in (b" ", b"\n", b"\0", b"{}"):
        refusal(file + more, key)
        refusal(more + file, key)
    refusal(b"\xef\xbb\xbf" + file, key)


def test_json_tricks_are_refused(genuine: tuple[bytes, str]) -> None:
    file, key = genuine
    parts = json.loads(file)
    tricks = [
        json.dumps(parts).encode(),
        json.dumps(parts, indent=1).encode() + b"\n" if not file.isascii() else json.dumps(parts, indent=2).encode(),
        json.dumps(dict(reversed(parts.items())), ensure_ascii=False, indent=1).encode() + b"\n",
        json.dumps({**parts, "extra": ""}, ensure_ascii=False, indent=1).encode() + b"\n",
        file.replace(b'"items"', b'"\\u0069tems"'),
        file.replace(b'{\n "format"', b'{\n "statement": "x",\n "format"'),
        file.replace(b"efface-certificate/1", b"efface-certificate/2"),
    ]
    for trick in tricks:
        assert trick != file
        refusal(trick, key)


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (b"\xff\xfe", "not JSON that can be read: 'utf-8' codec can't decode byte 0xff in position 0"),
        (b"{\n oops", "double quotes: line 2 column 2"),
        (b"[]", "does not say efface-certificate/1"),
        (b'"text"', "does not say efface-certificate/1"),
        (b'{"format": "efface-certificate/1"}', "does not say efface-certificate/1"),
        (b'{"format":"efface-certificate/1","statement":1,"items":"","proof":""}', "not written the way"),
        (b"[" * 100_000, "not JSON"),
        (b"1" * 5_000, "not JSON that can be read"),
        (b'{"format":"efface-certificate/1","statement":"\\ud800","items":"","proof":""}', "not written the way"),
    ],
)
def test_what_is_no_certificate_is_named(genuine: tuple[bytes, str], file: bytes, sentence: str) -> None:
    assert sentence in refusal(file, genuine[1])


def rewritten(file: bytes, **changed: str) -> bytes:
    parts = {**json.loads(file), **changed}
    return verifying.write_file(parts["statement"], parts["items"], parts["proof"])


def test_the_sentence_says_what_was_changed(genuine: tuple[bytes, str]) -> None:
    file, key = genuine
    parts = json.loads(file)
    other = notes.key_line(
        notes.verifier_of("efface/log/0", Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    )
    index, size = parts["proof"].split("\n")[1], parts["proof"].split("\n\n")[1].split("\n")[1]
    more = str(int(size) + 1)
    said = {
        "The statement was changed: its hash is not": rewritten(
            file, statement=parts["statement"].replace("EF-TEST-CASE", "EF-EVIL-CASE")
        ),
        "The list of items was changed": rewritten(file, items=parts["items"].replace('"deleted"', '"absent"')),
        "The signature does not fit": rewritten(file, proof=parts["proof"].replace(f"\n{size}\n", f"\n{more}\n")),
        "plain number": rewritten(file, proof=parts["proof"].replace(index, f"index 0{index[6:]}")),
        "its hash is not": rewritten(file, proof=parts["proof"].replace(index, "index 1")),
        "not written the way": file.replace(b'": "', b'":  "', 1),
    }
    for sentence, changed in said.items():
        assert sentence in refusal(changed, key)
    assert "not by this key" in refusal(file, other)
    assert "public key cannot be read" in refusal(file, "nonsense")


def test_a_witness_may_sign_too_but_no_known_key_may_sign_badly(genuine: tuple[bytes, str]) -> None:
    file, key = genuine
    proof = json.loads(file)["proof"]
    text, line = proof.split("\n\n")[1] + "\n", proof.split("\n\n")[2]
    witness = notes.sign(text, "witness", Ed25519PrivateKey.generate()).split("\n\n")[1]
    assert verifying.verify(rewritten(file, proof=proof + witness), key) == verifying.verify(file, key)
    bad = line[:-10] + ("A" if line[-10] != "A" else "B") + line[-9:]
    assert "signature does not fit" in refusal(rewritten(file, proof=proof + bad), key)
    assert "not a plain text" in refusal(rewritten(file, proof=proof + witness * 100), key)


def test_the_head_of_another_log_is_refused() -> None:
    key = Ed25519PrivateKey.generate()
    verifier = notes.verifier_of("one", key.public_key().public_bytes_raw())
    note = notes.sign(write_head(Head("two", 1, merkle.leaf_hash(b"{}"))), "one", key)
    file = verifying.write_file("{}", "", write_proof(Proof(0, (), note)))
    assert "of another log" in refusal(file, notes.key_line(verifier))


def drop(statement: Said, items: Items) -> None:
    items.pop()


def swap(statement: Said, items: Items) -> None:
    items[0], items[1] = items[1], items[0]


def replan(statement: Said, items: Items) -> None:
    items.pop()
    statement["plan"]["items"] = len(items)


def recount(statement: Said, items: Items) -> None:
    statement["counts"]["image"]["deleted"] += 1


def rename(statement: Said, items: Items) -> None:
    statement["recipients"] = []


def boast(statement: Said, items: Items) -> None:
    items[8]["result"] = statement["models"][0]["result"] = "kept"
    statement["counts"]["model"] = {"kept": 1}


def forget(statement: Said, items: Items) -> None:
    del statement["backups"]


def mistype(statement: Said, items: Items) -> None:
    statement["counts"] = "many"


def loosen(statement: Said, items: Items) -> None:
    del items[0]["result"]


def pose(statement: Said, items: Items) -> None:
    statement["kind"] = "plan"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (drop, "had 10 items: one is missing"),
        (swap, "had 10 items: one is missing or in another place"),
        (replan, "not the ones in the plan"),
        (recount, "counts in the statement"),
        (rename, "recipients in the statement"),
        (boast, "calls itself full"),
        (forget, "missing in the statement: backups"),
        (mistype, "not of its kind: 'str' object"),
        (loosen, "not of its kind: 'result'"),
        (pose, "not a certificate's statement"),
    ],
)
def test_even_the_issuer_cannot_sign_what_does_not_add_up(
    genuine: tuple[bytes, str], change: Callable[[Said, Items], None], sentence: str
) -> None:
    assert sentence in forged(genuine, change)


def test_an_entry_that_is_not_a_statement_is_refused() -> None:
    key = Ed25519PrivateKey.generate()
    verifier = notes.verifier_of("log", key.public_key().public_bytes_raw())
    for body, sentence in (("text", "not of its kind"), ("[]", "is missing"), ("{}", "is missing")):
        note = notes.sign(write_head(Head("log", 1, merkle.leaf_hash(body.encode()))), "log", key)
        file = verifying.write_file(body, "", write_proof(Proof(0, (), note)))
        assert sentence in refusal(file, notes.key_line(verifier))


def test_a_photograph_is_found_by_its_commitment(genuine: tuple[bytes, str]) -> None:
    found = verifying.items_with(genuine[0], photo(2))
    assert {item["kind"] for item in found} == {"suppression", "dataset-place", "templates", "image"}
    assert {item["image"] for item in found} == {2}
    assert verifying.items_with(genuine[0], photo(2) + b"!") == []
    assert verifying.items_with(genuine[0], b"") == []


def test_the_words_name_what_was_done_and_who_was_told(genuine: tuple[bytes, str]) -> None:
    words = "\n".join(wording.in_words(verifying.verify(*genuine), verifying.items_of(genuine[0])))
    for sentence in (
        "Deletion for case EF-TEST-CASE: everything planned was done.",
        "  2 photographs: deleted",
        "  Faces 2014: deleted.",
        "  Recogniser 3: trained again without the photographs. Run 7 of 18 November.",
        "  Example Vision Ltd: told to erase. Letter of 19 November.",
        "Backups of the stores are outside this statement: the portal cannot reach them.",
        "Searched on 20 November 2026 with dlib 1, threshold 0.6, among 1000 face templates.",
        "We hold 1,000 photographs in 2 stores. In 990 photographs there are faces that we can compare. "
        "In 10 photographs there are none.",
        "  All stores together: 10 photographs: no face is compared, because we saw none in them",
        "  Attic: no photographs were seen there",
        "  Photo archive: 985 photographs: a face was found that can be compared",
        "  Photo archive: 5 photographs: only our second way to look for faces saw one, which can be compared",
    ):
        assert sentence in words
    assert "What was not done" not in words


@pytest.fixture
def on_disk(genuine: tuple[bytes, str], tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "certificate.json").write_bytes(genuine[0])
    (tmp_path / "log.key").write_text(genuine[1] + "\n")
    return tmp_path / "certificate.json", tmp_path / "log.key"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(commands.command, ["verify", *map(str, arguments)])


def test_the_command_takes_the_key_as_a_file_or_as_text(on_disk: tuple[Path, Path]) -> None:
    file, key = on_disk
    for given in (key, key.read_text().strip()):
        result = run(file, "--key", given)
        assert result.exit_code == 0
        assert "The certificate is genuine" in result.output
        assert "2 photographs: deleted" in result.output
        assert "--photo PHOTO" in result.output
    assert json.loads(run(file, "--key", key, "--json").output)["statement"]["extent"] == "full"


def test_the_command_finds_an_own_photograph(on_disk: tuple[Path, Path], tmp_path: Path) -> None:
    file, key = on_disk
    mine = tmp_path / "mine.jpg"
    mine.write_bytes(photo(1))
    assert "is one of the files" in run(file, "--key", key, "--photo", mine).output
    mine.write_bytes(b"another")
    assert "is not one of the files" in run(file, "--key", key, "--photo", mine).output


def test_the_command_names_a_missing_key(on_disk: tuple[Path, Path]) -> None:
    file, _ = on_disk
    problem = run(file, "--key", "nowhere.key").exception
    assert isinstance(problem, EffaceError)
    assert "no public key in nowhere.key" in problem.sentence


def verify_apart(file: Path, key: Path) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, without network, database, web or images."""
    program = (
        "import sys, socket\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        assert name.split('.')[0] not in ('flask', 'sqlalchemy', 'PIL', 'numpy', 'redis', 'rq'), name\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "def no_network(*given): raise AssertionError('network')\n"
        "socket.socket.connect = no_network\n"
        "sys.argv = ['efface', 'certificate', 'verify', *sys.argv[1:]]\n"
        "from portal.cli import main\n"
        "main()\n"
    )
    command = [sys.executable, "-c", program, str(file), "--key", str(key)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_runs_alone_and_exits_with_0_1_or_2(on_disk: tuple[Path, Path]) -> None:
    file, key = on_disk
    good = verify_apart(file, key)
    assert (good.returncode, good.stderr) == (0, "")
    file.write_bytes(file.read_bytes().replace(b"EF-TEST-CASE", b"EF-EVIL-CASE"))
    changed = verify_apart(file, key)
    assert (changed.returncode, changed.stdout) == (1, "")
    assert "The statement was changed: its hash is not the one in the log." in changed.stderr
    file.write_bytes(b"{")
    unreadable = verify_apart(file, key)
    assert (unreadable.returncode, unreadable.stdout) == (2, "")
    assert "line 1" in unreadable.stderr


def test_a_file_without_an_end_is_not_read_for_ever(
    monkeypatch: pytest.MonkeyPatch, genuine: tuple[bytes, str]
) -> None:
    monkeypatch.setattr(commands, "LARGEST", 1_000_000)
    problem = run("/dev/zero", "--key", genuine[1]).exception
    assert isinstance(problem, EffaceError)
    assert "larger than 1 MB" in problem.sentence
