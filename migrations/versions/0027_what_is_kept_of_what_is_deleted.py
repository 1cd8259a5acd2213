"""What the person lets us keep so that what was deleted is known when it comes again."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

KNOWN = "ck_case_right_keeps_is_known"


def upgrade() -> None:
    with op.batch_alter_table("case_right") as batch_op:
        batch_op.add_column(
            sa.Column(
                "keeps",
                sa.String(length=12),
                server_default="photographs",
                nullable=False,
                comment="to know again what is deleted: digests of photographs, or nothing",
            )
        )
        batch_op.create_check_constraint(batch_op.f(KNOWN), "keeps IN ('photographs', 'none')")


def downgrade() -> None:
    with op.batch_alter_table("case_right") as batch_op:
        batch_op.drop_constraint(batch_op.f(KNOWN), type_="check")
        batch_op.drop_column("keeps")
