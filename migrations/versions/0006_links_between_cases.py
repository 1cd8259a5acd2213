"""Links between cases: duplicates, and alarms that hold a case until a person wrote why it is fine."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "case_link",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("other_id", sa.String(length=32), nullable=False, comment="the case itself: its own photos differ"),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cleared_by", sa.String(length=32), nullable=True),
        sa.Column("note", sa.Text(), nullable=True, comment="why it is fine"),
        sa.CheckConstraint(
            "kind IN ('many-faces', 'many-contacts', 'many-cases', 'duplicate')",
            name=op.f("ck_case_link_kind_is_known"),
        ),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_case_link_case_id_case"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["other_id"], ["case.id"], name=op.f("fk_case_link_other_id_case"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["cleared_by"], ["account.id"], name=op.f("fk_case_link_cleared_by_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_link")),
        sa.UniqueConstraint("case_id", "other_id", "kind", name=op.f("uq_case_link_case_id_other_id_kind")),
    )
    op.add_column(
        "case",
        sa.Column(
            "network_digest", sa.String(length=64), nullable=True, comment="keyed by the day; forgotten after a day"
        ),
    )
    op.create_index(op.f("ix_case_network_digest"), "case", ["network_digest"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_case_network_digest"), "case")
    # In place: the case's table with its checks need not be rebuilt for this.
    op.drop_column("case", "network_digest")
    op.drop_table("case_link")
