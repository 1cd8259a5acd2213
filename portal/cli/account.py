"""Staff logins from a terminal."""

from __future__ import annotations

import json

import click

from portal import accounts
from portal.cli.opening import opened
from portal.errors import NotFound
from portal.tables import Account
from portal.tables.staff import ROLES


@click.group()
def command() -> None:
    """Staff logins."""


@command.command()
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice(ROLES), help="May be given again.")
@click.option("--hours", default=24, type=click.IntRange(1, 168), show_default=True, help="How long the link works.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def invite(roles: tuple[str, ...], hours: int, as_json: bool) -> None:
    """Print a link with which one person makes an account. It works once."""
    with opened() as database:
        with database.writing() as session:
            token = accounts.invite(session, roles, hours)
        link = f"{database.config.address}/join/{token}"
    click.echo(json.dumps({"link": link, "hours": hours}) if as_json else link)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(as_json: bool) -> None:
    """List the accounts."""
    with opened() as database, database.reading() as session:
        known = accounts.list_accounts(session)
    if as_json:
        click.echo(json.dumps([_row(account) for account in known]))
        return
    for account in known:
        click.echo(f"{account.email}  {', '.join(account.roles)}{'  (disabled)' if account.disabled_at else ''}")
    if not known:
        click.echo("No accounts yet. Make the first with: efface account invite --role admin")


def _row(account: Account) -> dict[str, object]:
    return {
        "id": account.id,
        "email": account.email,
        "name": account.name,
        "roles": account.roles,
        "disabled": account.disabled_at is not None,
    }


@command.command()
@click.argument("email")
def disable(email: str) -> None:
    """Sign an account out everywhere and let it in no more."""
    with opened() as database, database.writing() as session:
        accounts.disable(session, _by_email(accounts.list_accounts(session), email).id, by="command")
    click.echo(f"{email} cannot sign in any more.")


@command.command()
@click.argument("email")
def reset(email: str) -> None:
    """Print a link with which the owner sets a new password and a new code app."""
    with opened() as database:
        with database.writing() as session:
            account = _by_email(accounts.list_accounts(session), email)
            token = accounts.invite_again(session, account.id, by="command")
        click.echo(f"{database.config.address}/join/{token}")


def _by_email(known: list[Account], email: str) -> Account:
    for account in known:
        if account.email == email.strip().casefold():
            return account
    raise NotFound(f"There is no account with the address {email}. `efface account list` lists them.")
