"""`python -m portal.languages extract` and `check`: for those who mark and translate texts."""

from __future__ import annotations

import sys

import click

from portal.languages.catalogues import read_texts
from portal.languages.extracting import problems, texts_in_source, translated, untranslated, update


@click.group()
def main() -> None:
    """The texts of the portal and their translations."""


@main.command()
@click.argument("codes", nargs=-1, type=click.Choice(translated()))
def extract(codes: tuple[str, ...]) -> None:
    """Bring the catalogues (all, or those named) up to date with the source. What is translated stays."""
    source = texts_in_source()
    for code in codes or translated():
        texts = update(code, source)
        click.echo(f"{code}: {len(texts)} texts, {untranslated(texts)} not translated")


@main.command()
@click.argument("codes", nargs=-1, type=click.Choice(translated()))
def check(codes: tuple[str, ...]) -> None:
    """Say what is missing or wrong. Exit 1 when something is."""
    source = texts_in_source()
    lines = [f"{code}: {line}" for code in codes or translated() for line in problems(source, read_texts(code))]
    click.echo("\n".join(lines) or "Nothing is missing.")
    sys.exit(1 if lines else 0)


if __name__ == "__main__":
    main()
