"""A second sign of who is asking, a declaration, and a token in a profile."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "declaration",
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True, comment="sealed JSON: the words as read, and the name"),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_by", sa.String(length=32), nullable=True, comment="who took it in on paper"),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_declaration_case_id_case"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["taken_by"], ["account.id"], name=op.f("fk_declaration_taken_by_account")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_declaration")),
    )
    op.create_table(
        "profile_check",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True, comment="sealed link of the profile"),
        sa.Column("token", sa.String(length=40), nullable=True, comment="to be placed in the profile"),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen", sa.String(length=30), nullable=True, comment="what came of the last look, as a code"),
        sa.Column("work_state", sa.String(length=8), nullable=False),
        sa.Column("run_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.String(length=80), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(length=500), nullable=True),
        sa.CheckConstraint(
            "state <> 'found' OR found_at IS NOT NULL", name=op.f("ck_profile_check_what_was_found_has_a_time")
        ),
        sa.CheckConstraint(
            "state IN ('asked', 'looking', 'found', 'not-found')", name=op.f("ck_profile_check_state_is_known")
        ),
        sa.CheckConstraint(
            "work_state IN ('idle', 'due', 'leased', 'done', 'failed')",
            name=op.f("ck_profile_check_work_state_is_known"),
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name=op.f("fk_profile_check_case_id_case"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_profile_check")),
        sa.UniqueConstraint("case_id", name=op.f("uq_profile_check_case_id")),
    )
    op.create_index(op.f("ix_profile_check_work_state"), "profile_check", ["work_state"])
    op.create_table(
        "second_sign",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True, comment="sealed address that a code was sent to"),
        sa.Column("digest", sa.String(length=64), nullable=True, comment="keyed; of the code"),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("given_by", sa.String(length=32), nullable=True, comment="who knew the contact"),
        sa.Column("note", sa.Text(), nullable=True, comment="how the caseworker knows"),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shown_at", sa.DateTime(timezone=True), nullable=True, comment="when it was shown to be theirs"),
        sa.CheckConstraint(
            "kind IN ('second-contact', 'held-contact', 'known-contact', 'profile')",
            name=op.f("ck_second_sign_kind_is_known"),
        ),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_second_sign_case_id_case"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["given_by"], ["account.id"], name=op.f("fk_second_sign_given_by_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_second_sign")),
        sa.UniqueConstraint("case_id", "kind", name=op.f("uq_second_sign_case_id_kind")),
    )


def downgrade() -> None:
    op.drop_table("second_sign")
    op.drop_index(op.f("ix_profile_check_work_state"), "profile_check")
    op.drop_table("profile_check")
    op.drop_table("declaration")
