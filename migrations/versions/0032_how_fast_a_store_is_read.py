"""How fast a store may be read by scans, where its operator wants a limit."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

LIMIT = "ck_store_is_read_at_some_pace"


def upgrade() -> None:
    with op.batch_alter_table("store") as batch_op:
        batch_op.add_column(
            sa.Column(
                "reads_per_second",
                sa.Integer(),
                nullable=True,
                comment="photographs that a scan reads in a second at most; none: as many as it can",
            )
        )
        batch_op.create_check_constraint(batch_op.f(LIMIT), "reads_per_second > 0")


def downgrade() -> None:
    with op.batch_alter_table("store") as batch_op:
        batch_op.drop_constraint(batch_op.f(LIMIT), type_="check")
        batch_op.drop_column("reads_per_second")
