"""A refusal that the person wants looked at again, with the clock of that."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "appeal",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("right_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True, comment="empty where the law sets no last day"),
        sa.Column("changed", sa.Boolean(), nullable=True, comment="the refusal was taken back"),
        sa.Column("decided_by", sa.String(length=32), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (changed IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL)",
            name=op.f("ck_appeal_an_answer_says_who_gave_it"),
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["account.id"], name=op.f("fk_appeal_decided_by_account")),
        sa.ForeignKeyConstraint(
            ["right_id"], ["case_right.id"], name=op.f("fk_appeal_right_id_case_right"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appeal")),
        sa.UniqueConstraint("right_id", name=op.f("uq_appeal_right_id")),
    )


def downgrade() -> None:
    op.drop_table("appeal")
