"""How long a reviewer looked before each answer, so that a pace too fast to be careful can be seen."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("judgement", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "seconds", sa.Float(), nullable=True, comment="from handing out to the answer; empty: not measured"
            )
        )


def downgrade() -> None:
    # In place: the table with its partial index need not be rebuilt for this.
    op.drop_column("judgement", "seconds")
