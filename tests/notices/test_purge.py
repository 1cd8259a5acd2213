"""The client of a holder of copies: it erases what a feed names, nothing else, and says truly what it did."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from portal.audit import merkle, notes, signers
from portal.audit.checkpoint import Head
from portal.cli import efface
from portal.errors import BadInput, EffaceError, Unavailable
from portal.notices import purging, reading, wire

ORIGIN = "efface/feed/0123456789abcdef/Faces@2014"
KEY = signers.SigningKey.generate()
OURS = signers.verifier_for("efface/log/0123456789abcdef", KEY)
KEY_LINE = notes.key_line(OURS)


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def lines_of(*contents: bytes, origin: str = ORIGIN) -> list[str]:
    salt = wire.feed_salt(origin)
    return [wire.write_line("2026-11-21", wire.salted(salt, sha(content)), sha(content)[:16]) for content in contents]


def head_of(lines: list[str], key: signers.SigningKey = KEY, origin: str = ORIGIN) -> str:
    root = merkle.root(merkle.leaf_hash(line.encode()) for line in lines)
    return wire.sign_head(Head(origin, len(lines), root), OURS.name, key)


def feed_text(lines: list[str], **more: Any) -> str:
    return head_of(lines, **more) + "\n" + "".join(f"{line}\n" for line in lines)


class Holder:
    """A folder with copies, a feed as a file, and where the client remembers."""

    def __init__(self, folder: Path) -> None:
        self.copies, self.state, self.feed = folder / "copies", folder / "state", folder / "feed.txt"
        self.receipt = folder / "receipt.txt"
        self.copies.mkdir()
        self.feed.write_text(feed_text(lines_of(b"one", b"two", b"not here")))

    def write(self, **files: bytes) -> None:
        for name, content in files.items():
            path = self.copies / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def names(self) -> list[str]:
        return sorted(
            str(path.relative_to(self.copies))
            for path in self.copies.rglob("*")
            if path.is_symlink() or not path.is_dir()
        )

    def arguments(self, *more: str | Path) -> list[str]:
        given = ["--feed", self.feed, "--key", KEY_LINE, "--state", self.state, *more]
        return ["purge", *map(str, given), str(self.copies)]

    def purge(self, *more: str | Path) -> Any:
        return CliRunner().invoke(efface, self.arguments(*more))

    def said(self) -> dict[str, Any]:
        """What the receipt says, checked with the key in the state folder."""
        verifier = signers.verifier_for("Vision-Ltd", signers.key_in(self.state / "holder.pem"))
        return wire.open_signed(wire.ANSWER, self.receipt.read_text(), [verifier])[0]


@pytest.fixture
def holder(tmp_path: Path) -> Holder:
    return Holder(tmp_path)


def test_what_the_feed_names_goes_and_nothing_else(holder: Holder, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "one").write_bytes(b"one")
    holder.write(a=b"one", deep__er__b=b"two", c=b"three", again=b"one")
    (holder.copies / "link").symlink_to(outside / "one")
    (holder.copies / "folder-link").symlink_to(outside)
    os.mkfifo(holder.copies / "pipe")
    done = holder.purge("--receipt", holder.receipt, "--holder", "Vision Ltd")
    assert (done.exit_code, done.exception and repr(done.exception)) in ((0, None), (0, "SystemExit(0)")), done.output
    assert holder.names() == ["c", "folder-link", "link", "pipe"]
    assert (outside / "one").read_bytes() == b"one"
    said = holder.said()
    assert (said["result"], said["erased"], said["checked"], said["skipped"]) == ("erased", 3, 4, 2)
    assert (said["feed"], said["size"], said["left"], said["unreadable"]) == (ORIGIN, 3, 0, 0)
    assert "copies" not in holder.receipt.read_text()
    assert os.stat(holder.state / "holder.pem").st_mode & 0o777 == 0o600
    # A second run has nothing to do, and needs no key any more.
    again = CliRunner().invoke(
        efface, ["purge", "--feed", str(holder.feed), "--state", str(holder.state), str(holder.copies),
                 "--receipt", str(holder.receipt), "--holder", "Vision Ltd"]
    )  # fmt: skip
    assert again.exit_code == 0, again.output
    assert (holder.said()["result"], holder.said()["erased"]) == ("nothing-held", 0)


def test_a_dry_run_names_the_files_and_erases_none(holder: Holder) -> None:
    holder.write(a=b"one", c=b"three")
    done = holder.purge("--dry-run", "--receipt", holder.receipt, "--holder", "Vision Ltd")
    assert done.exit_code == 0
    assert str(holder.copies / "a") in done.output
    assert "Would erase: 1" in done.output
    assert holder.names() == ["a", "c"]
    assert not holder.receipt.exists()


def test_a_feed_that_was_seen_may_only_grow(holder: Holder) -> None:
    seen = lines_of(b"one", b"two", b"not here")
    assert holder.purge().exit_code == 0
    holder.write(a=b"one", new=b"four")
    other = signers.SigningKey.generate()
    wrong = {
        "feed-shortened": feed_text(seen[:2]),
        "feed-changed": feed_text([*lines_of(b"four"), *seen[1:], *lines_of(b"five")]),
        "wrong-key": feed_text(seen, key=other),
        "feed-incomplete": feed_text(seen).rsplit("\n", 2)[0] + "\n",
        "feed-unreadable": "no feed at all",
    }
    for code, text in wrong.items():
        holder.feed.write_text(text)
        assert problem_of(holder).code == code
    holder.feed.write_text(feed_text(seen).replace(seen[0], lines_of(b"four")[0]))
    assert problem_of(holder).code == "feed-changed", "a line under the head that was signed for another"
    holder.feed.write_text(feed_text(seen))
    other_line = notes.key_line(signers.verifier_for(OURS.name, other))
    assert problem_of(holder, "--key", other_line).code == "wrong-key"
    assert holder.names() == ["a", "new"], "nothing went by a feed that was refused"
    holder.feed.write_text(feed_text([*seen, *lines_of(b"four")]))
    assert holder.purge().exit_code == 0
    assert holder.names() == []


def problem_of(holder: Holder, *more: str | Path) -> EffaceError:
    problem = holder.purge(*more).exception
    assert isinstance(problem, EffaceError), problem
    return problem


def test_what_is_missing_is_asked_for_by_name(holder: Holder) -> None:
    arguments = ["purge", "--feed", str(holder.feed), "--state", str(holder.state), str(holder.copies)]
    problem = CliRunner().invoke(efface, arguments).exception
    assert isinstance(problem, BadInput)
    assert problem.code == "no-key"
    assert "--holder" in str(holder.purge("--receipt", holder.receipt).exception)
    (holder.state / "holder.pem").parent.mkdir(exist_ok=True)
    (holder.state / "holder.pem").write_text("no key")
    (holder.state / "holder.pem").chmod(0o600)
    assert "no private key" in str(holder.purge("--receipt", holder.receipt, "--holder", "V").exception)
    (holder.state / "heads.json").write_text("[1]")
    assert "cannot be read" in str(holder.purge().exception)


def test_what_cannot_be_read_or_is_exchanged_is_named_and_all_else_is_done(
    holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder.write(a=b"one", changing=b"two", exchanged=b"two", broken=b"one")
    real = purging.digest_of
    seen: list[int] = []

    def digest(descriptor: int) -> bytes:
        name = os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}"))
        if name == "broken":
            raise OSError(5, "Input/output error")
        found = real(descriptor)
        if name == "changing":
            holder.write(changing=b"somebody's work")
        if name == "exchanged":
            (holder.copies / "new").write_bytes(b"another file")
            (holder.copies / "new").rename(holder.copies / "exchanged")
        seen.append(descriptor)
        return found

    monkeypatch.setattr(purging, "digest_of", digest)
    done = holder.purge(str(holder.copies / "nowhere"), "--receipt", holder.receipt, "--holder", "Vision Ltd")
    assert done.exit_code == 1
    for named in ("broken: Input/output error", "changing: was changed", "exchanged: was changed", "nowhere: No such"):
        assert named in done.output
    assert holder.names() == ["broken", "changing", "exchanged"]
    assert (holder.copies / "changing").read_bytes() == b"somebody's work"
    assert (holder.copies / "exchanged").read_bytes() == b"another file"
    said = holder.said()
    assert (said["result"], said["erased"], said["unreadable"]) == ("partly", 1, 4)
    assert "4 files could not be read" in said["reason"]


def test_a_name_outside_of_the_folders_is_not_called_erased(holder: Holder, tmp_path: Path) -> None:
    holder.write(a=b"one", b=b"x")
    os.link(holder.copies / "a", holder.copies / "c")
    assert holder.purge().exit_code == 0, "both names were in the folder"
    holder.write(a=b"one")
    os.link(holder.copies / "a", tmp_path / "elsewhere")
    done = holder.purge()
    assert done.exit_code == 1
    assert "another name outside" in done.output


def test_killed_half_way_a_second_run_ends_it_and_counts_all_of_it(holder: Holder, tmp_path: Path) -> None:
    """Real processes, which also load neither a database nor a web server."""
    count = 4000
    contents = [str(number).encode() for number in range(count)]
    for number, content in enumerate(contents):
        folder = holder.copies / str(number % 7)
        folder.mkdir(exist_ok=True)
        (folder / str(number)).write_bytes(content)
    holder.feed.write_text(feed_text(lines_of(*contents)))
    code = (
        "import sys\nfrom portal.cli import main\n"
        "try:\n    main()\nfinally:\n"
        "    print(sorted({'sqlalchemy', 'flask', 'redis', 'PIL', 'portal.db'} & set(sys.modules)), file=sys.stderr)\n"
    )
    arguments = [sys.executable, "-c", code, *holder.arguments("--receipt", holder.receipt, "--holder", "Vision Ltd")]
    first = subprocess.Popen(arguments, stderr=subprocess.DEVNULL, env={"PATH": os.environ["PATH"]})
    limit = time.monotonic() + 60
    while sum(1 for _ in (holder.copies / "0").iterdir()) > 200 and time.monotonic() < limit:
        time.sleep(0.001)
    first.send_signal(signal.SIGKILL)
    first.wait()
    left = len(holder.names())
    assert 0 < left < count
    second = subprocess.run(arguments, capture_output=True, text=True, env={"PATH": os.environ["PATH"]}, check=False)
    assert second.returncode == 0, second.stderr
    assert second.stderr.rstrip().endswith("[]"), second.stderr
    assert holder.names() == []
    said = holder.said()
    assert (said["result"], said["erased"], said["checked"]) == ("erased", count, left)


def test_a_feed_at_an_address_is_read_in_pages_and_never_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "PAGE", 2)
    lines = lines_of(b"one", b"two", b"three")
    folder = tmp_path / "site"
    (folder / "moved").mkdir(parents=True)
    (folder / "head").write_text(head_of(lines))
    (folder / "0").write_text("".join(f"{line}\n" for line in lines[:2]))
    (folder / "1").write_text("".join(f"{line}\n" for line in [lines[2], *lines_of(b"newer")]))
    (folder / "big").write_bytes(b"x" * 10_000_000)

    handed_in: list[str] = []

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            # The head is at the address itself.
            self.path = {"/feed": "/head", "/feed/0": "/0", "/feed/1": "/1"}.get(self.path, self.path)
            super().do_GET()

        def do_POST(self) -> None:
            handed_in.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200 if self.path == "/signed" else 500)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    memory = reading.Memory(tmp_path / "state")
    found = reading.read(f"{address}/feed", KEY_LINE, memory)
    assert found.head.size == 3
    assert [found.has(sha(each)) for each in (b"one", b"three", b"newer", b"four")] == [True, True, False, False]
    assert reading.read(str(folder), None, memory) == found, "a folder is read the same"
    for path, kind in (("moved", Unavailable), ("nowhere", Unavailable), ("big", reading.FeedRefused)):
        with pytest.raises(kind):
            reading.read(f"{address}/{path}", KEY_LINE, memory)
    reading.hand_in(f"{address}/signed", "a receipt")
    with pytest.raises(Unavailable):
        reading.hand_in(f"{address}/broken", "a receipt")
    assert handed_in == ["a receipt"] * 2
    server.shutdown()
    server.server_close()
    with pytest.raises(Unavailable):
        reading.read(f"{address}/feed", KEY_LINE, memory)
    with pytest.raises(BadInput):
        reading.read("http://example.com/feed", KEY_LINE, memory)
    assert json.loads((tmp_path / "state" / "heads.json").read_text())[ORIGIN]["size"] == 3


def test_a_line_that_was_taken_away_names_nothing_and_the_list_is_whole_still(tmp_path: Path) -> None:
    holder, memory = Holder(tmp_path), reading.Memory(tmp_path / "state")
    assert len(reading.read(str(holder.feed), KEY_LINE, memory).digests) == 3
    one, two, three = lines_of(b"one", b"two", b"not here")
    without_number = f"2026-11-21 {wire.read_line(one).hex()}"  # type: ignore[union-attr]
    hidden = wire.write_taken(merkle.leaf_hash(two.encode()))
    head = head_of([one, two, three])
    holder.feed.write_text("\n".join([head, one, hidden, three, ""]))
    feed = reading.read(str(holder.feed), None, memory)
    assert (feed.head.size, len(feed.digests)) == (3, 2)
    assert [feed.has(sha(content)) for content in (b"one", b"two")] == [True, False]
    for bad in (without_number, wire.write_taken(sha(b"two")), "- x"):
        holder.feed.write_text("\n".join([head, bad, hidden, three, ""]))
        with pytest.raises(reading.FeedRefused):
            reading.read(str(holder.feed), None, memory)


@pytest.mark.parametrize("address", ["https://host:port/feeds/a/1", "https://[bad/feeds/a/1", "ftp://host/feeds/a/1"])
def test_an_address_that_is_none_is_refused_in_a_sentence(tmp_path: Path, address: str) -> None:
    with pytest.raises((Unavailable, BadInput)):
        reading.read(address, KEY_LINE, reading.Memory(tmp_path))
