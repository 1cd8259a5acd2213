"""Whether pictures were good enough, and which answers were given to many pairs at once. What people say of the desk,
counted; requests that follow another one; and messages with the person beside those with whoever acts for them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

KINDS = "'many-faces', 'many-contacts', 'many-cases', 'duplicate'"


def upgrade() -> None:
    # In place: the table with its partial index need not be rebuilt for columns without checks.
    op.add_column("judgement", sa.Column("sent_good", sa.Boolean(), comment="enough to tell; empty: not said"))
    op.add_column("judgement", sa.Column("found_good", sa.Boolean(), comment="enough to tell; empty: not said"))
    op.add_column(
        "judgement",
        sa.Column("in_batch", sa.Boolean(), nullable=False, server_default=sa.false(), comment="one of many at once"),
    )
    op.add_column(
        "message",
        sa.Column(
            "with_person",
            sa.Boolean(),
            nullable=False,
            server_default=sa.false(),
            comment="with the person themselves, where somebody acts for them",
        ),
    )
    op.create_table(
        "feedback",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("answer", sa.String(length=10), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False, comment="how many said so on that day"),
        sa.CheckConstraint("answer IN ('yes', 'partly', 'no')", name=op.f("ck_feedback_answer_is_known")),
        sa.PrimaryKeyConstraint("day", "answer", name=op.f("pk_feedback")),
    )
    with op.batch_alter_table("case_link") as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_case_link_kind_is_known"), type_="check")
        batch_op.create_check_constraint(batch_op.f("ck_case_link_kind_is_known"), f"kind IN ({KINDS}, 'follow-up')")


def downgrade() -> None:
    # Read together they stay, as duplicates are: that holds nothing up.
    op.execute("UPDATE case_link SET kind = 'duplicate' WHERE kind = 'follow-up'")
    with op.batch_alter_table("case_link") as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_case_link_kind_is_known"), type_="check")
        batch_op.create_check_constraint(batch_op.f("ck_case_link_kind_is_known"), f"kind IN ({KINDS})")
    op.drop_table("feedback")
    op.drop_column("message", "with_person")
    op.drop_column("judgement", "in_batch")
    op.drop_column("judgement", "found_good")
    op.drop_column("judgement", "sent_good")
