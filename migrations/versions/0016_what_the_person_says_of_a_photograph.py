"""What the person says about each photograph of their answer, and which they picked to be deleted or not used."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("candidate") as batch_op:
        batch_op.add_column(
            sa.Column("said", sa.String(length=10), nullable=True, comment="by the person, who saw it in the answer")
        )
        batch_op.add_column(
            sa.Column(
                "wish",
                sa.String(length=10),
                nullable=True,
                comment="picked by the person in the answer; empty: not picked",
            )
        )
        batch_op.create_check_constraint(
            batch_op.f("ck_candidate_said_is_known"), "said IN ('me', 'not-me', 'not-sure')"
        )
        batch_op.create_check_constraint(batch_op.f("ck_candidate_wish_is_known"), "wish IN ('deletion', 'opt-out')")


def downgrade() -> None:
    with op.batch_alter_table("candidate") as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_candidate_wish_is_known"), type_="check")
        batch_op.drop_constraint(batch_op.f("ck_candidate_said_is_known"), type_="check")
        batch_op.drop_column("wish")
        batch_op.drop_column("said")
