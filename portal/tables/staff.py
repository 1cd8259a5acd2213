"""Staff logins, their web sessions and the links that invite them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.tables.base import Base, random_id

ROLES = ("admin", "caseworker", "reviewer", "senior", "auditor")


class Account(Base):
    """A staff login."""

    __tablename__ = "account"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    roles: Mapped[list[str]]
    password_hash: Mapped[str] = mapped_column(String(200))
    totp_secret: Mapped[bytes] = mapped_column(LargeBinary, comment="sealed")
    totp_last_step: Mapped[int] = mapped_column(default=0, comment="a one-time password counts once")
    failures: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class Invitation(Base):
    """A single-use link with which somebody makes an account, or sets one up anew; the first-run link: an admin."""

    __tablename__ = "invitation"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    token_digest: Mapped[str] = mapped_column(String(64), unique=True)
    roles: Mapped[list[str]]
    account_id: Mapped[str | None] = mapped_column(
        ForeignKey("account.id", ondelete="CASCADE"), comment="the account it sets up anew; empty: a new one"
    )
    first_run: Mapped[bool] = mapped_column(default=False, comment="made because there was no account at all")
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SavedView(Base):
    """A way to look at the inbox that a caseworker keeps under a name."""

    __tablename__ = "saved_view"
    __table_args__ = (UniqueConstraint("account_id", "name"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(60))
    filters: Mapped[dict[str, Any]]


class WebSession(Base):
    """One browser's session, kept here so that signing out ends it at once. The cookie holds only a token."""

    __tablename__ = "web_session"

    token_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str | None] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    data: Mapped[bytes] = mapped_column(LargeBinary, comment="sealed")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Attempt(Base):
    """How often something was tried in a window of time. The key is a keyed hash, never an address."""

    __tablename__ = "attempt"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int]
    window_ends_at: Mapped[datetime] = mapped_column(index=True)
