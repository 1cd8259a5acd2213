"""`efface purge`: for holders of copies. Erases what a removal feed names. Needs no installation and no database."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from portal.audit import notes, signers
from portal.cli.showing import shown
from portal.errors import BadInput
from portal.notices import purging, reading, wire
from portal.notices.purging import Counts, Inode

HOME = Path("~/.efface-purge")


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--feed", required=True, metavar="URL|PATH", help="Address, folder or file of the removal feed.")
@click.option("--key", help="Public key of who runs the portal: its line, or a file. Needed the first time.")
@click.option("--dry-run", is_flag=True, help="Only say which files would go.")
@click.option("--receipt", type=click.Path(path_type=Path, dir_okay=False), help="Write the signed receipt here.")
@click.option("--answer-to", metavar="URL", help="Hand the receipt in here: answer_signed_at of your notice.")
@click.option("--holder", default="", help="Your organisation's name, for the receipt.")
@click.option("--signing-key", type=click.Path(path_type=Path, dir_okay=False), help="Your key; made on first use.")
@click.option("--state", type=click.Path(path_type=Path, file_okay=False), default=HOME, show_default=True,
              help="Where it is remembered what was seen of feeds.")  # fmt: skip
def command(
    paths: tuple[Path, ...],
    feed: str,
    key: str | None,
    dry_run: bool,
    receipt: Path | None,
    answer_to: str | None,
    holder: str,
    signing_key: Path | None,
    state: Path,
) -> None:
    """Erase the files below PATHS that a removal feed names, and say so in a signed receipt.

    Links are not followed, and archives are not opened. Exit 0: all that was found is gone. 1: something could not be
    read or erased, or the feed is refused; all else was done. 2: the input is wrong.
    """
    folder = state.expanduser()
    if answer_to is not None and receipt is None:
        raise BadInput("To hand a receipt in, say with --receipt where it is kept.")
    if receipt is not None and not holder.strip():
        raise BadInput("Say with --holder whose receipt it is: the name of your organisation.")
    signer = signers.key_in(signing_key or folder / "holder.pem") if receipt is not None else None
    found = reading.read(feed, _key_line(key), reading.Memory(folder))
    journal = _Journal(folder / "journal", found.head.origin)
    counts = purging.purge(paths, found.has, _teller(dry_run), None if dry_run else journal.note)
    facts = _facts(found.head, counts, journal.earlier)
    _say(facts, dry_run)
    if signer is not None and receipt is not None and not dry_run:
        _write(receipt, facts | {"holder": holder.strip()}, holder, signer)
        journal.forget()
    if answer_to is not None and receipt is not None and not dry_run:
        reading.hand_in(answer_to, receipt.read_text())
        click.echo("The receipt was handed in.", err=True)
    sys.exit(1 if counts.unreadable or counts.left else 0)


class _Journal:
    """What was erased so far by this feed, a line each: a run that was killed is in the next one's receipt."""

    def __init__(self, path: Path, origin: str) -> None:
        self._path, self._origin = path, origin
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        self._seen = {line for line in lines if line.startswith(f"{origin} ")}
        self._others = [line for line in lines if line and not line.startswith(f"{origin} ")]
        self._file: Any = None
        self.earlier = len(self._seen)

    def note(self, digest: bytes, inode: Inode) -> None:
        line = f"{self._origin} {inode[0]}/{inode[1]} {digest.hex()[:16]}"
        if line in self._seen:
            # It was written down just before the kill, and is erased only now.
            self.earlier -= 1
            self._seen.discard(line)
            return
        if self._file is None:
            self._file = self._path.open("a", buffering=1)
            os.chmod(self._path, 0o600)
        self._file.write(f"{line}\n")

    def forget(self) -> None:
        """The receipt is written: from here on it counts anew."""
        if self._path.exists():
            self._path.write_text("".join(f"{line}\n" for line in self._others))


def _teller(dry_run: bool) -> Callable[[str, str], None]:
    def tell(word: str, path: str) -> None:
        if word != "found":
            click.echo(f"{shown(path)}: {word}" if path else word, err=True)
        elif dry_run:
            click.echo(shown(path))

    return tell


def _key_line(key: str | None) -> str | None:
    """The line itself, or that of the file it names."""
    if key is None or (key.count("+") >= 2 and not Path(key).is_file()):
        return key.strip() if key else None
    try:
        line = Path(key).read_text()[:1000].strip()
        notes.read_key_line(line)
    except (OSError, UnicodeDecodeError, notes.NoteRefused) as problem:
        raise BadInput(f"There is no public key in {key}, and it is not one itself.", "no-key") from problem
    return line


def _facts(head: Any, counts: Counts, earlier: int) -> dict[str, Any]:
    """What the receipt says. No path is in it: names of files could be names of people."""
    undone = counts.unreadable + counts.left
    result = "partly" if undone else "erased" if counts.removed + earlier else "nothing-held"
    reason = f"{counts.unreadable} files could not be read, {counts.left} are still there." if undone else ""
    return {
        "v": 1,
        "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "feed": head.origin,
        "size": head.size,
        "root": head.root.hex(),
        "result": result,
        "reason": reason,
        "checked": counts.checked,
        "erased": counts.removed + earlier,
        "left": counts.left,
        "unreadable": counts.unreadable,
        "skipped": counts.skipped,
        "found": counts.found,
    }


def _say(facts: dict[str, Any], dry_run: bool) -> None:
    done = f"Would erase: {facts['found']}." if dry_run else f"Erased: {facts['erased']}."
    click.echo(
        f"Feed entries: {facts['size']}. Files checked: {facts['checked']}. {done} "
        f"Not readable: {facts['unreadable']}. Still there: {facts['left']}. Links and devices left alone: "
        f"{facts['skipped']}.",
        err=True,
    )


def _write(path: Path, facts: dict[str, Any], holder: str, key: signers.SigningKey) -> None:
    name = re.sub(r"[^\w.-]+", "-", holder.strip()).strip("-") or "holder"
    text = wire.sign(wire.ANSWER, facts, name, key)
    draft = path.with_name(f"{path.name}.part")
    draft.write_text(text)
    draft.replace(path)
    click.echo(f"Receipt: {path}\nYour public key: {notes.key_line(signers.verifier_for(name, key))}", err=True)
