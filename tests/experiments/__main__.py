"""Experiments that are too slow for the tests: `python -m tests.experiments blind` prints its figures."""

from __future__ import annotations

import click

from tests.experiments import blind


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


if __name__ == "__main__":
    experiments()
