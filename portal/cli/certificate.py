"""`efface certificate`: check a certificate. Works offline, without an installation and without a database."""

from __future__ import annotations

import json
from pathlib import Path

import click

from portal.erasure import verifying, wording
from portal.orders import verifying as of_orders
from portal.orders import wording as order_wording

LARGEST = 256_000_000


@click.group()
def command() -> None:
    """Check the certificate of an erasure, an opt-out or an order."""


@command.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--key", required=True, help="The log's public key: a file with its line, or the line itself.")
@click.option(
    "--photo",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A photograph of yours: was exactly this file one of those?",
)
@click.option("--json", "as_json", is_flag=True, help="Print the statement as JSON.")
def verify(file: Path, key: str, photo: Path | None, as_json: bool) -> None:
    """Is FILE as it was issued, and is it in the log of this KEY? Exit 0: yes; 1: no; 2: it cannot be read."""
    data = _bytes_of(file)
    if of_orders.is_of_order(data):
        _tell_order(data, _key_line(key), photo, as_json)
        return
    statement = verifying.verify(data, _key_line(key))
    items = verifying.items_of(data)
    if as_json:
        click.echo(json.dumps({"statement": statement, "items": items}, indent=2, ensure_ascii=False))
    else:
        click.echo("The certificate is genuine: nothing in it was changed, and it is in the log of this key.\n")
        click.echo("\n".join(wording.in_words(statement, items)))
        click.echo(f"\n{_about_photo(data, file, key, photo)}")


def _tell_order(data: bytes, key: str, photo: Path | None, as_json: bool) -> None:
    """The certificate of an order, or a part of one: a chunk, or a single photograph."""
    statement, lines, items = of_orders.verify(data, key)
    found = of_orders.items_with(items, _bytes_of(photo)) if photo is not None else []
    if as_json:
        click.echo(json.dumps({"statement": statement, "lines": lines, "items": items, "photo": found}, indent=2))
        return
    click.echo("The certificate is genuine: nothing in it was changed, and it is in the log of this key.\n")
    click.echo("\n".join(order_wording.in_words(statement, lines, len(items))))
    for one in found:
        click.echo(f"{photo} is one of them: {order_wording.result_in_words(one['result'])}.")
    if photo is not None and not found:
        click.echo(f"{photo} is not one of the photographs in this file. A copy of another size is another file.")


@command.command()
@click.argument("old", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("new", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--key", required=True, help="The log's public key: a file with its line, or the line itself.")
@click.option(
    "--proof",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The log's own proof, as the issuer prints it with `efface log consistency`.",
)
def consistent(old: Path, new: Path, key: str, proof: Path | None) -> None:
    """Are both certificates of one and the same log? Exit 0: yes; 1: it has two histories; 2: that cannot be told."""
    from portal.erasure import histories
    from portal.orders import heads

    line = _key_line(key)
    one, other = (heads.head_of(_bytes_of(path), line) for path in (old, new))
    histories.check(one, other, _bytes_of(proof).decode(errors="replace") if proof is not None else None)
    click.echo("Both certificates are genuine, and of one log: what it said first, it says still.")


@command.command("public-key")
def public_key() -> None:
    """Print this installation's public key, with which anybody can check its certificates."""
    # Only this needs an installation: `verify` must start at once and work where there is none.
    from portal import audit
    from portal.cli.opening import opened

    with opened() as database, database.reading() as session:
        click.echo(audit.verifier_key(session))


def _key_line(key: str) -> str:
    """The key itself, or the one line of the file it names."""
    if key.count("+") >= 2 and "\n" not in key and not Path(key).is_file():
        return key
    try:
        return _bytes_of(Path(key)).decode().strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise verifying.Unreadable(f"There is no public key in {key}, and it is not one itself.") from problem


def _bytes_of(path: Path) -> bytes:
    """A device without an end would be read for ever."""
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise verifying.Unreadable(f"{path} is larger than {LARGEST // 1_000_000} MB, so it is not looked at.")
    return data


def _about_photo(data: bytes, file: Path, key: str, photo: Path | None) -> str:
    if photo is None:
        return (
            "Do you have one of the photographs? To see whether exactly that file was one of them:\n"
            f"  efface certificate verify {file} --key {key} --photo PHOTO"
        )
    found = verifying.items_with(data, _bytes_of(photo))
    if not found:
        return (
            f"{photo} is not one of the files in this certificate. A copy of another size or quality is another file."
        )
    done = ", ".join(f"{item['kind']}: {wording.result_in_words(item['result'])}" for item in found)
    return f"{photo} is one of the files in this certificate. {done}."
