"""Staff accounts: invited by a link, signed in with a password and a one-time code, never by one of them alone.

A sign-in never says which part was wrong, and does the same work for an address nobody has. Ten failures lock an
account for a quarter of an hour. The log gets account ids only.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.errors import BadInput, Conflict, NotFound
from portal.keys import keys_of, token_digest
from portal.tables import Account, Invitation, WebSession, random_id
from portal.tables.staff import ROLES

FAILURES = 10
LOCKED = timedelta(minutes=15)
STEP_SECONDS = 30
LEAST_PASSWORD = 12
LONGEST_PASSWORD = 200
# Twelve characters and more rule out most of what people choose too often; these are the ones left.
COMMON = {
    "123456789012", "1234567890123", "qwertyuiop12", "qwertyuiopas", "password1234", "passwordpassword",
    "administrator", "letmeinletmein", "iloveyou1234", "changemechangeme", "correcthorsebatterystaple",
}  # fmt: skip


@dataclass(frozen=True)
class Joining:
    """What the page behind an invitation shows. `totp_secret` is base32 and stays the same when it is reloaded."""

    roles: list[str]
    totp_secret: str
    account: Account | None


@dataclass(frozen=True)
class Presented:
    """Whose address was given, and whether the password was right. Nothing is decided yet."""

    account_id: str | None
    password_right: bool


def invite(session: Session, roles: Iterable[str], hours: int = 24, by: str = "command") -> str:
    """A token of 256 bits for a link that makes one account. `by` is an account id, or `command`. Raises BadInput."""
    return _invitation(session, _known_roles(roles), hours, by)


def first_run_token(session: Session) -> str | None:
    """A token for the first admin while there is no account at all; it replaces the earlier ones. Otherwise None."""
    if session.scalar(select(Account.id).limit(1)) is not None:
        return None
    session.execute(delete(Invitation).where(Invitation.first_run, Invitation.used_at.is_(None)))
    return _invitation(session, ["admin"], 24, "first-run", first_run=True)


def invite_again(session: Session, account_id: str, by: str) -> str:
    """A token with which the owner of an account sets a new password and a new second factor."""
    account = find_account(session, account_id)
    return _invitation(session, list(account.roles), 24, by, account_id=account.id)


def _invitation(
    session: Session, roles: list[str], hours: int, by: str, *, account_id: str | None = None, first_run: bool = False
) -> str:
    token = secrets.token_urlsafe(32)
    invitation = Invitation(
        id=random_id(),
        token_digest=token_digest(token),
        roles=roles,
        account_id=account_id,
        first_run=first_run,
        expires_at=clock.now() + timedelta(hours=hours),
    )
    session.add(invitation)
    session.flush()
    audit.append(session, "account-invited", {"by": by, "roles": roles, "account": account_id})
    return token


def begin(session: Session, token: str) -> Joining:
    """Check the token, and say what to show. Stores nothing. Raises NotFound when it was used or is too old."""
    invitation = _standing(session, token)
    account = session.get(Account, invitation.account_id) if invitation.account_id else None
    # Derived, not drawn: a page that is opened twice must not ask for a second scan of another picture.
    secret = base64.b32encode(keys_of(session).derived(f"totp/{invitation.token_digest}")[:20]).decode()
    return Joining(list(account.roles if account else invitation.roles), secret, account)


def _standing(session: Session, token: str, lock: bool = False) -> Invitation:
    query = select(Invitation).where(Invitation.token_digest == token_digest(token))
    # Locked, so that of two who use a link at once only one can (SQLite has one writer at a time anyway).
    invitation = session.scalar(query.with_for_update() if lock else query)
    outdated = invitation is None or invitation.used_at is not None or invitation.expires_at <= clock.now()
    # The first-run link is worth nothing once anybody has an account: it was printed where others may read it.
    if invitation is None or outdated or (invitation.first_run and session.scalar(select(Account.id).limit(1))):
        raise NotFound("This link has been used, or it is too old. Ask for a new one.", "link-used")
    return invitation


def otpauth_uri(secret: str, email: str, organisation: str) -> str:
    """What a code app reads from the picture."""
    uri: str = pyotp.TOTP(secret).provisioning_uri(name=email or "Efface", issuer_name=f"Efface {organisation}")
    return uri


def accept_invitation(
    session: Session, token: str, email: str, name: str, password: str, totp_secret: str, code: str
) -> Account:
    """Make the account, or set it up anew, once the first code proves that the code app works.

    For an account that is set up anew, address, name and roles stay as they are. Raises NotFound for the token,
    BadInput for anything the person can put right (code: `email`, `name`, `password` or `code`).
    """
    invitation = _standing(session, token, lock=True)
    account = session.get(Account, invitation.account_id) if invitation.account_id else None
    if account is None:
        email, name = _free_email(session, email), _good_name(name)
    else:
        email, name = account.email, account.name
    check_password_choice(password, email, name)
    step = _step_of(totp_secret, code, after=0)
    if step is None:
        raise BadInput("The code is not right. Wait for the next one in your app and type that.", "code")
    invitation.used_at = clock.now()
    if account is None:
        account = Account(id=random_id(), email=email, name=name, roles=invitation.roles, created_at=clock.now())
        session.add(account)
    account.password_hash = _hasher().hash(password)
    account.totp_secret = keys_of(session).seal(totp_secret.encode(), _place(account.id))
    account.totp_last_step = step
    account.failures, account.locked_until = 0, None
    end_web_sessions(session, account.id)
    kind = "account-set-up-anew" if invitation.account_id else "account-made"
    audit.append(session, kind, {"account": account.id, "roles": account.roles})
    session.flush()
    return account


def check_password_choice(password: str, email: str, name: str) -> None:
    """Raises BadInput (code `password`) when a password is too short, too long or too easy to guess."""
    if len(password) < LEAST_PASSWORD:
        raise BadInput(
            f"The password needs {LEAST_PASSWORD} characters or more. Three or four words do well.", "password"
        )
    if len(password) > LONGEST_PASSWORD:
        raise BadInput(f"The password can have {LONGEST_PASSWORD} characters at most.", "password")
    plain = password.casefold().replace(" ", "")
    own = {email.casefold(), email.casefold().split("@")[0], name.casefold().replace(" ", "")}
    if plain in own or plain in COMMON or len(set(plain)) < 4:
        raise BadInput("This password is easy to guess. Choose another one.", "password")


def _free_email(session: Session, email: str) -> str:
    email = _plain_email(email)
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", email) or len(email) > 254:
        raise BadInput("Type your e-mail address, such as name@example.org.", "email")
    if session.scalar(select(Account.id).where(Account.email == email)) is not None:
        raise BadInput("There is already an account with this e-mail address.", "email")
    return email


def _good_name(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= 100:
        raise BadInput("Type your name, in 100 characters or fewer.", "name")
    return name


def sign_in(session: Session, email: str, password: str, code: str) -> Account | None:
    """The account, or None without saying why. Failures are counted on the row: commit in both cases."""
    return finish_sign_in(session, check_password(session, email, password), code)


def check_password(session: Session, email: str, password: str) -> Presented:
    """The slow half of a sign-in, about 50 ms of work for known and unknown addresses alike. Only reads."""
    account = session.scalar(select(Account).where(Account.email == _plain_email(email)))
    known = account.password_hash if account else _nobodys_hash()
    try:
        _hasher().verify(known, password[: LONGEST_PASSWORD + 1])
    except VerifyMismatchError:
        return Presented(account.id if account else None, False)
    return Presented(account.id if account else None, account is not None)


def finish_sign_in(session: Session, presented: Presented, code: str) -> Account | None:
    """The quick half, in a writing session: lock, one-time code, count. Commit in both cases."""
    # Locked: a code must not count twice for two who send it at once.
    account = session.get(Account, presented.account_id, with_for_update=True) if presented.account_id else None
    if account is None:
        _step_of(pyotp.random_base32(), code, after=0)
        return None
    secret = keys_of(session).unseal(account.totp_secret, _place(account.id)).decode()
    step = _step_of(secret, code, after=account.totp_last_step)
    if account.disabled_at or (account.locked_until and account.locked_until > clock.now()):
        return None
    if not presented.password_right or step is None:
        _count_failure(session, account)
        return None
    account.totp_last_step = step
    account.failures, account.locked_until = 0, None
    audit.append(session, "signed-in", {"account": account.id})
    return account


def _count_failure(session: Session, account: Account) -> None:
    account.failures += 1
    if account.failures >= FAILURES:
        account.failures, account.locked_until = 0, clock.now() + LOCKED
        audit.append(session, "account-locked", {"account": account.id})
    session.flush()


def _step_of(secret: str, code: str, after: int) -> int | None:
    """The 30-second step that `code` belongs to, one early or late allowed; None when wrong or not after `after`."""
    digits = re.sub(r"\s", "", code).encode()
    totp = pyotp.TOTP(secret)
    now = int(clock.now().timestamp()) // STEP_SECONDS
    right = [step for step in (now - 1, now, now + 1) if hmac.compare_digest(totp.generate_otp(step).encode(), digits)]
    return next((step for step in right if step > after), None)


def list_accounts(session: Session) -> list[Account]:
    return list(session.scalars(select(Account).order_by(Account.disabled_at.isnot(None), Account.name)))


def find_account(session: Session, account_id: str) -> Account:
    """Raises NotFound."""
    account = session.get(Account, account_id)
    if account is None:
        raise NotFound("There is no such account.")
    return account


def change_roles(session: Session, account_id: str, roles: Iterable[str], by: str) -> Account:
    """Raises Conflict when nobody would be left who can manage accounts."""
    account, wanted = find_account(session, account_id), _known_roles(roles)
    if "admin" not in wanted:
        _keep_an_admin(session, account)
    audit.append(session, "roles-changed", {"account": account.id, "roles": wanted, "by": by})
    account.roles = wanted
    session.flush()
    return account


def disable(session: Session, account_id: str, by: str) -> Account:
    """Sign the account out everywhere and let it in no more. Raises Conflict for the last admin."""
    account = find_account(session, account_id)
    _keep_an_admin(session, account)
    account.disabled_at = account.disabled_at or clock.now()
    end_web_sessions(session, account.id)
    audit.append(session, "account-disabled", {"account": account.id, "by": by})
    return account


def enable(session: Session, account_id: str, by: str) -> Account:
    account = find_account(session, account_id)
    account.disabled_at = None
    audit.append(session, "account-enabled", {"account": account.id, "by": by})
    return account


def end_web_sessions(session: Session, account_id: str) -> None:
    session.execute(delete(WebSession).where(WebSession.account_id == account_id))


def _keep_an_admin(session: Session, leaving: Account) -> None:
    others = select(Account).where(Account.disabled_at.is_(None), Account.id != leaving.id)
    standing = session.scalars(others.order_by(Account.id).with_for_update())
    if "admin" in leaving.roles and not any("admin" in account.roles for account in standing):
        raise Conflict("This is the last admin. Make somebody else an admin first.", "last-admin")


def _known_roles(roles: Iterable[str]) -> list[str]:
    wanted = set(roles)
    if not wanted or wanted - set(ROLES):
        raise BadInput(f"Choose one or more of these roles: {', '.join(ROLES)}.", "roles")
    # Who settles what two reviewers differ on is a reviewer, too, and so cannot tell those pairs from others.
    wanted |= {"reviewer"} if "senior" in wanted else set()
    return [role for role in ROLES if role in wanted]


def _plain_email(email: str) -> str:
    return email.strip().casefold()


def _place(account_id: str) -> str:
    return f"account/{account_id}/totp"


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobodys_hash() -> str:
    """Checked for addresses nobody has, so that the answer takes as long."""
    return _hasher().hash(secrets.token_urlsafe(16))
