"""The words beside columns, on PostgreSQL, as the tables have them. SQLite keeps none."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# Table, column, the words before, and those since.
WORDS = (
    (
        "candidate",
        "evidence",
        "face, digest, near-digest, link, account",
        "face, digest, near-digest, link, account, fused, second-hop",
    ),
    ("mandate", "basis", "what gives the right to act", "what gives the right to act, such as permission"),
    ("mandate", "token_digest", "keyed; of the person's link", "keyed; of the link that the person gets"),
    ("mandate", "secret_hash", "of the person's own secret words", "argon2 of the person's own secret words"),
    ("mandate", "asked_at", None, "when the person was asked to confirm"),
    ("mandate", "confirmed_at", None, "by the person themselves"),
    ("mandate", "ended_at", None, "the person took the permission back"),
    ("mandate", "one_person", None, "the installation allows one person alone"),
)


def upgrade() -> None:
    for table, column, before, since in WORDS:
        _say(table, column, before, since)


def downgrade() -> None:
    for table, column, before, since in WORDS:
        _say(table, column, since, before)


def _say(table: str, column: str, before: str | None, since: str | None) -> None:
    if op.get_context().dialect.name == "postgresql":
        op.alter_column(table, column, existing_comment=before, comment=since)
