"""The photographs a person takes of themselves when they are told to, so that it is clear who is asking."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BEFORE = "purpose IN ('probe', 'probe-crop', 'candidate-crop', 'package')"
AFTER = "purpose IN ('probe', 'probe-crop', 'candidate-crop', 'package', 'challenge')"


def upgrade() -> None:
    op.create_table(
        "challenge",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code", sa.String(length=4), nullable=True, comment="to be written on paper"),
        sa.Column("turn", sa.String(length=5), nullable=True, comment="to which of their own sides the person turns"),
        sa.Column(
            "expires_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="of the code, which is shown when the person is ready",
        ),
        sa.Column("paper_id", sa.String(length=32), nullable=True, comment="looking straight"),
        sa.Column("turned_id", sa.String(length=32), nullable=True, comment="head turned"),
        sa.Column(
            "turn_seen",
            sa.Float(),
            nullable=True,
            comment="how far right of the middle of the eyes the nose lies, in parts of their distance",
        ),
        sa.Column("likeness", sa.String(length=12), nullable=True, comment="of the first to the photos that were sent"),
        sa.Column("purged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("work_state", sa.String(length=8), nullable=False),
        sa.Column("run_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.String(length=80), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(length=500), nullable=True),
        sa.CheckConstraint(
            "state IN ('asked', 'shown', 'sent', 'looked-at', 'purged')", name=op.f("ck_challenge_state_is_known")
        ),
        sa.CheckConstraint("turn IN ('left', 'right')", name=op.f("ck_challenge_turn_is_known")),
        sa.CheckConstraint(
            "likeness IN ('same', 'unclear', 'different', 'no-face', 'not-compared')",
            name=op.f("ck_challenge_likeness_is_known"),
        ),
        sa.CheckConstraint(
            "work_state IN ('idle', 'due', 'leased', 'done', 'failed')", name=op.f("ck_challenge_work_state_is_known")
        ),
        sa.ForeignKeyConstraint(["asked_by"], ["account.id"], name=op.f("fk_challenge_asked_by_account")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_challenge_case_id_case"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["paper_id"], ["blob.id"], name=op.f("fk_challenge_paper_id_blob"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["turned_id"], ["blob.id"], name=op.f("fk_challenge_turned_id_blob"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_challenge")),
    )
    op.create_index(op.f("ix_challenge_case_id"), "challenge", ["case_id"])
    op.create_index(op.f("ix_challenge_work_state"), "challenge", ["work_state"])
    _let_in(AFTER)


def downgrade() -> None:
    op.drop_index(op.f("ix_challenge_work_state"), "challenge")
    op.drop_index(op.f("ix_challenge_case_id"), "challenge")
    op.drop_table("challenge")
    op.execute("DELETE FROM blob WHERE purpose = 'challenge'")
    _let_in(BEFORE)


def _let_in(purposes: str) -> None:
    with op.batch_alter_table("blob") as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_blob_purpose_is_known"), type_="check")
        batch_op.create_check_constraint(batch_op.f("ck_blob_purpose_is_known"), purposes)
