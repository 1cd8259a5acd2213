"""The words of letters as they were sent, sealed, so that an old letter never shows new words under its old day."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sent_letter",
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="sealed JSON: title, paragraphs and day"),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_sent_letter_case_id_case"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["event_id"], ["case_event.id"], name=op.f("fk_sent_letter_event_id_case_event"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_sent_letter")),
    )
    op.create_index(op.f("ix_sent_letter_case_id"), "sent_letter", ["case_id"])


def downgrade() -> None:
    with op.batch_alter_table("sent_letter", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sent_letter_case_id"))

    op.drop_table("sent_letter")
