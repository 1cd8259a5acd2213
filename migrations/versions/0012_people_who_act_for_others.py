"""People who act for others, what shows that they may, and requests that came by phone or post."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BEFORE = "purpose IN ('probe', 'probe-crop', 'candidate-crop', 'package', 'challenge')"
AFTER = "purpose IN ('probe', 'probe-crop', 'candidate-crop', 'package', 'challenge', 'proof', 'letter')"


def upgrade() -> None:
    _make_mandate()
    op.create_table(
        "proof",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("mandate_id", sa.String(length=32), nullable=False),
        sa.Column("point", sa.String(length=30), nullable=False),
        sa.Column("blob_id", sa.String(length=32), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("met", sa.Boolean(), nullable=True),
        sa.Column("judged_by", sa.String(length=32), nullable=True),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["blob_id"], ["blob.id"], name=op.f("fk_proof_blob_id_blob"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["judged_by"], ["account.id"], name=op.f("fk_proof_judged_by_account")),
        sa.ForeignKeyConstraint(
            ["mandate_id"], ["mandate.id"], name=op.f("fk_proof_mandate_id_mandate"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proof")),
        sa.UniqueConstraint("mandate_id", "point", name=op.f("uq_proof_mandate_id_point")),
    )
    op.create_table(
        "arrival",
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("how", sa.String(length=10), nullable=False),
        sa.Column("entered_by", sa.String(length=32), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=True, comment="sealed: name and postal address"),
        sa.Column("scan_id", sa.String(length=32), nullable=True, comment="of the letter"),
        sa.CheckConstraint("how IN ('post', 'phone', 'in-person')", name=op.f("ck_arrival_how_is_known")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_arrival_case_id_case"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["entered_by"], ["account.id"], name=op.f("fk_arrival_entered_by_account")),
        sa.ForeignKeyConstraint(["scan_id"], ["blob.id"], name=op.f("fk_arrival_scan_id_blob"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_arrival")),
    )
    _let_in(AFTER)


def _make_mandate() -> None:
    op.create_table(
        "mandate",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("draft_id", sa.String(length=32), nullable=True),
        sa.Column("case_id", sa.String(length=32), nullable=True),
        sa.Column("role", sa.String(length=10), nullable=False, comment="agent, child or deceased"),
        sa.Column("basis", sa.String(length=30), nullable=False, comment="what gives the right to act"),
        sa.Column("rule", sa.String(length=60), nullable=True, comment="frozen at receipt"),
        sa.Column("rule_version", sa.Integer(), nullable=True),
        sa.Column("rights", sa.JSON(), nullable=False, comment="which the permission covers"),
        sa.Column("expires_on", sa.Date(), nullable=True, comment="last day of the permission"),
        sa.Column("sealed", sa.LargeBinary(), nullable=True, comment="sealed JSON: the names, the person's address"),
        sa.Column("token_digest", sa.String(length=64), nullable=True, comment="keyed; of the person's link"),
        sa.Column("secret_hash", sa.String(length=200), nullable=True, comment="of the person's own secret words"),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("judged", sa.String(length=12), nullable=True),
        sa.Column("note", sa.Text(), nullable=True, comment="how the caseworker knows"),
        sa.Column("judged_by", sa.String(length=32), nullable=True),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("agreed_by", sa.String(length=32), nullable=True),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("one_person", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("role IN ('agent', 'child', 'deceased')", name=op.f("ck_mandate_role_is_known")),
        sa.CheckConstraint("judged IN ('accepted', 'turned-down')", name=op.f("ck_mandate_judged_is_known")),
        sa.CheckConstraint(
            "draft_id IS NOT NULL OR case_id IS NOT NULL", name=op.f("ck_mandate_it_belongs_to_a_draft_or_a_case")
        ),
        sa.CheckConstraint(
            "agreed_by IS NULL OR agreed_by <> judged_by OR one_person",
            name=op.f("ck_mandate_two_different_people_agree"),
        ),
        sa.ForeignKeyConstraint(["agreed_by"], ["account.id"], name=op.f("fk_mandate_agreed_by_account")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_mandate_case_id_case"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["draft_id"], ["draft.id"], name=op.f("fk_mandate_draft_id_draft"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["judged_by"], ["account.id"], name=op.f("fk_mandate_judged_by_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mandate")),
        sa.UniqueConstraint("case_id", name=op.f("uq_mandate_case_id")),
        sa.UniqueConstraint("draft_id", name=op.f("uq_mandate_draft_id")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_mandate_token_digest")),
    )


def downgrade() -> None:
    op.drop_table("arrival")
    op.drop_table("proof")
    op.drop_table("mandate")
    op.execute("DELETE FROM blob WHERE purpose IN ('proof', 'letter')")
    _let_in(BEFORE)


def _let_in(purposes: str) -> None:
    with op.batch_alter_table("blob") as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_blob_purpose_is_known"), type_="check")
        batch_op.create_check_constraint(batch_op.f("ck_blob_purpose_is_known"), purposes)
