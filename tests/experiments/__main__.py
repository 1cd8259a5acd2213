"""Experiments that are too slow for the tests: `python -m tests.experiments blind` prints its figures."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import click

from tests.browser.chromium import what_is_missing
from tests.experiments import blind, buckets, desk

# Of what is wrong; texts that are not translated yet would fill many pages.
MOST_LINES = 100


@click.group()
def experiments() -> None:
    """Each command prints what it measured, and fails where a promise is not kept."""


@experiments.command("blind")
@click.option("--submissions", default=4000, show_default=True, help="Half of them are hits.")
@click.option("--seed", default=1, show_default=True)
def run_blind(submissions: int, seed: int) -> None:
    """Can somebody who was not checked tell a hit from a miss, by the page or by its time?"""
    result = blind.measure(submissions, seed)
    click.echo(result.table())
    if not result.is_kept():
        raise SystemExit(1)


@experiments.command("desk")
@click.option("--cases", default=200, show_default=True, help="Scripted cases; 141 and more try every rule.")
@click.option("--submissions", default=4000, show_default=True, help="For the blind part; half of them are hits.")
@click.option("--seed", default=1, show_default=True)
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here, too.")
def run_desk(cases: int, submissions: int, seed: int, file: Path | None) -> None:
    """The rights desk: screens, texts, rules, hard days, blindness, and cases with every date by an oracle."""
    missing = what_is_missing()
    if missing:
        raise click.ClickException(missing)
    # There is no queue here, and nobody needs to read that.
    logging.disable(logging.WARNING)
    measured = desk.measure(cases, submissions, seed)
    click.echo(measured.figures.table())
    for line in measured.wrong[:MOST_LINES]:
        click.echo(line, err=True)
    if len(measured.wrong) > MOST_LINES:
        click.echo(f"and {len(measured.wrong) - MOST_LINES} more", err=True)
    if file is not None:
        file.write_text(json.dumps(measured.figures.as_facts(), indent=2) + "\n")
    if not measured.is_kept():
        raise SystemExit(1)


@experiments.command("versions")
@click.option("--keys", default=1000, show_default=True, help="Each with 3 versions, a marker, an unfinished upload.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here, too.")
def run_versions(keys: int, file: Path | None) -> None:
    """Is anything of erased photographs left in a bucket that keeps versions?"""
    _tell(buckets.measure_versions(keys), file)


@experiments.command("flaky-store")
@click.option("--keys", default=100, show_default=True, help="Each with 3 versions.")
@click.option("--share", default=0.3, show_default=True, help="Answers of the store that go wrong.")
@click.option("--seed", default=1, show_default=True)
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here, too.")
def run_flaky_store(keys: int, share: float, seed: int, file: Path | None) -> None:
    """Is anything called gone that is there, while the store answers 500, 503, slowly or by half?"""
    _tell(buckets.measure_flaky(keys, share, seed), file)


def _tell(facts: dict[str, Any], file: Path | None) -> None:
    click.echo(json.dumps(facts, indent=2))
    if file is not None:
        file.write_text(json.dumps(facts, indent=2) + "\n")
    if not facts["ok"]:
        raise SystemExit(1)


if __name__ == "__main__":
    experiments()
