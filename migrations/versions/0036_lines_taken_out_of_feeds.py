"""A number in each line of a removal feed that nobody can guess, and when a line was taken away again."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "feed_entry",
        sa.Column("nonce", sa.LargeBinary(length=16), nullable=True, comment="random; public; older lines have none"),
    )
    op.add_column(
        "feed_entry",
        sa.Column(
            "taken_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="since when only the hash of the line is given out, which stands in the place of the digest",
        ),
    )


def downgrade() -> None:
    op.drop_column("feed_entry", "taken_at")
    op.drop_column("feed_entry", "nonce")
