"""Legal holds, photographs that are out of use before they are erased, and items that wait for a hold or a lock."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

BEFORE = "state IN ('planned', 'intent', 'applied', 'verified', 'refused', 'failed')"
SINCE = (
    "state IN ('planned', 'withheld', 'quarantined', 'intent', 'applied', 'verified', 'residual', 'refused', 'failed')"
)
KNOWN = "ck_erasure_item_state_is_known"


def upgrade() -> None:
    op.create_table(
        "hold",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("scope", sa.String(length=10), nullable=False),
        sa.Column(
            "target", sa.String(length=300), nullable=False, comment="id of what is held, or the name of the account"
        ),
        sa.Column(
            "basis",
            sa.String(length=15),
            nullable=False,
            comment="the class of the basis: all that a certificate says",
        ),
        sa.Column("why", sa.Text(), nullable=False, comment="for the team"),
        sa.Column("citation", sa.String(length=300), nullable=False, comment="the order, file or article it rests on"),
        sa.Column("starts_on", sa.Date(), nullable=False, comment="first day, in the zone of the installation"),
        sa.Column("ends_on", sa.Date(), nullable=True, comment="last day"),
        sa.Column("review_on", sa.Date(), nullable=True, comment="when somebody asks whether it is needed still"),
        sa.Column("placed_by", sa.String(length=32), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.String(length=32), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("one_person", sa.Boolean(), nullable=False, comment="the installation allows one person alone"),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_how", sa.String(length=12), nullable=True),
        sa.Column("lifted_by", sa.String(length=32), nullable=True),
        sa.Column("lifted_why", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "scope IN ('image', 'account', 'source', 'store', 'dataset', 'case')", name=op.f("ck_hold_scope_is_known")
        ),
        sa.CheckConstraint(
            "basis IN ('court-order', 'regulator', 'legal-claim', 'investigation', 'statute')",
            name=op.f("ck_hold_basis_is_known"),
        ),
        sa.CheckConstraint("ended_how IN ('lifted', 'over', 'not-approved')", name=op.f("ck_hold_ended_how_is_known")),
        sa.CheckConstraint(
            "ends_on IS NOT NULL OR review_on IS NOT NULL", name=op.f("ck_hold_it_ends_or_is_looked_at_again")
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_how IS NULL)", name=op.f("ck_hold_an_end_says_how")),
        sa.CheckConstraint(
            "approved_by IS NULL OR approved_by <> placed_by OR one_person", name=op.f("ck_hold_two_people_agree")
        ),
        sa.ForeignKeyConstraint(["placed_by"], ["account.id"], name=op.f("fk_hold_placed_by_account")),
        sa.ForeignKeyConstraint(["approved_by"], ["account.id"], name=op.f("fk_hold_approved_by_account")),
        sa.ForeignKeyConstraint(["lifted_by"], ["account.id"], name=op.f("fk_hold_lifted_by_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold")),
    )
    op.create_index(op.f("ix_hold_ended_at"), "hold", ["ended_at"])
    # Without a rebuild: there may be millions of rows.
    op.add_column(
        "image",
        sa.Column(
            "quarantined_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="out of matching and datasets, because its deletion is approved",
        ),
    )
    with op.batch_alter_table("erasure_item") as batch_op:
        batch_op.add_column(
            sa.Column(
                "again_at",
                sa.DateTime(timezone=True),
                nullable=True,
                comment="when a copy that its store keeps is tried again",
            )
        )
        batch_op.drop_constraint(batch_op.f(KNOWN), type_="check")
        batch_op.alter_column("state", type_=sa.String(length=12), existing_type=sa.String(length=10))
        batch_op.create_check_constraint(batch_op.f(KNOWN), SINCE)


def downgrade() -> None:
    # What is kept by a hold or a lock was called refused; what was out of use is planned again.
    op.execute("UPDATE erasure_item SET state = 'refused' WHERE state IN ('withheld', 'residual')")
    op.execute("UPDATE erasure_item SET state = 'planned' WHERE state = 'quarantined'")
    with op.batch_alter_table("erasure_item") as batch_op:
        batch_op.drop_constraint(batch_op.f(KNOWN), type_="check")
        batch_op.alter_column("state", type_=sa.String(length=10), existing_type=sa.String(length=12))
        batch_op.create_check_constraint(batch_op.f(KNOWN), BEFORE)
        batch_op.drop_column("again_at")
    op.drop_column("image", "quarantined_at")
    op.drop_index(op.f("ix_hold_ended_at"), table_name="hold")
    op.drop_table("hold")
