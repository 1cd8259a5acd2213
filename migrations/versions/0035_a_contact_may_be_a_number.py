"""The words beside the contact of a case, on PostgreSQL: it may be a mobile number now. SQLite keeps none."""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

BEFORE, SINCE = "sealed mail address", "sealed mail address or mobile number"


def upgrade() -> None:
    _say(BEFORE, SINCE)


def downgrade() -> None:
    _say(SINCE, BEFORE)


def _say(before: str, since: str) -> None:
    if op.get_context().dialect.name == "postgresql":
        op.alter_column("case", "contact", existing_comment=before, comment=since)
