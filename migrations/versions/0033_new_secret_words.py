"""New secret words for who lost theirs, by a code to the confirmed contact."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "new_words",
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=True, comment="keyed; of the code that was sent"),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True, comment="of the code"),
        sa.Column(
            "given_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the code was typed and new words were made",
        ),
        sa.Column("cleared_by", sa.String(length=32), nullable=True, comment="who is sure again who asks"),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=True, comment="how they know"),
        sa.CheckConstraint(
            "(cleared_at IS NULL) = (cleared_by IS NULL)", name=op.f("ck_new_words_who_is_sure_says_when")
        ),
        sa.CheckConstraint(
            "cleared_at IS NULL OR given_at IS NOT NULL", name=op.f("ck_new_words_only_what_was_given_is_cleared")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_new_words_case_id_case"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["cleared_by"], ["account.id"], name=op.f("fk_new_words_cleared_by_account")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_new_words")),
    )


def downgrade() -> None:
    op.drop_table("new_words")
