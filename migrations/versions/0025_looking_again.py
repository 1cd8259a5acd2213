"""Looking again: erased photographs on fixed days, and hourly whether stores and what is known of them agree."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "recheck",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("erasure_id", sa.String(length=32), nullable=False),
        sa.Column("occasion", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looked", sa.Integer(), nullable=False, comment="items that were looked at"),
        sa.Column("hits", sa.JSON(), nullable=False, comment="id of each item that is back, and what was seen"),
        sa.Column("decided_by", sa.String(length=32), nullable=True, comment="who says whether it is so"),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_by", sa.String(length=32), nullable=True, comment="who agrees to erase it again"),
        sa.Column("one_person", sa.Boolean(), nullable=False),
        sa.Column("work_state", sa.String(length=8), nullable=False),
        sa.Column("run_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.String(length=80), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(length=500), nullable=True),
        sa.CheckConstraint(
            "occasion IN ('day-1', 'day-7', 'day-30', 'restore')", name=op.f("ck_recheck_occasion_is_known")
        ),
        sa.CheckConstraint(
            "state IN ('due', 'clear', 'found', 'confirmed', 'dismissed', 'missed')",
            name=op.f("ck_recheck_state_is_known"),
        ),
        sa.CheckConstraint(
            "work_state IN ('idle', 'due', 'leased', 'done', 'failed')", name=op.f("ck_recheck_work_state_is_known")
        ),
        sa.CheckConstraint(
            "approved_by IS NULL OR approved_by <> decided_by OR one_person", name=op.f("ck_recheck_two_people_agree")
        ),
        sa.ForeignKeyConstraint(
            ["erasure_id"], ["erasure.id"], name=op.f("fk_recheck_erasure_id_erasure"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["account.id"], name=op.f("fk_recheck_decided_by_account")),
        sa.ForeignKeyConstraint(["approved_by"], ["account.id"], name=op.f("fk_recheck_approved_by_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recheck")),
    )
    for column in ("erasure_id", "state", "work_state"):
        op.create_index(op.f(f"ix_recheck_{column}"), "recheck", [column])
    op.create_table(
        "drift",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("store_id", sa.String(length=32), nullable=False),
        sa.Column("cursor", sa.String(length=2000), nullable=True, comment="the key up to which this round has come"),
        sa.Column("looked", sa.Integer(), nullable=False, comment="objects and rows of this round so far"),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=True, comment="of this round"),
        sa.Column(
            "ended_at", sa.DateTime(timezone=True), nullable=True, comment="of the last round that came to its end"
        ),
        sa.Column("work_state", sa.String(length=8), nullable=False),
        sa.Column("run_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.String(length=80), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(length=500), nullable=True),
        sa.CheckConstraint(
            "work_state IN ('idle', 'due', 'leased', 'done', 'failed')", name=op.f("ck_drift_work_state_is_known")
        ),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("fk_drift_store_id_store"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drift")),
        sa.UniqueConstraint("store_id", name=op.f("uq_drift_store_id")),
    )
    op.create_index(op.f("ix_drift_work_state"), "drift", ["work_state"])
    op.create_table(
        "drift_finding",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("store_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("what", sa.String(length=2000), nullable=False, comment="the key, or the id of the face"),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('file-without-row', 'row-without-file', 'vector-without-row', 'row-without-vector')",
            name=op.f("ck_drift_finding_kind_is_known"),
        ),
        sa.ForeignKeyConstraint(
            ["store_id"], ["store.id"], name=op.f("fk_drift_finding_store_id_store"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drift_finding")),
        sa.UniqueConstraint("store_id", "kind", "what", name=op.f("uq_drift_finding_store_id_kind_what")),
    )


def downgrade() -> None:
    op.drop_table("drift_finding")
    op.drop_table("drift")
    op.drop_table("recheck")
