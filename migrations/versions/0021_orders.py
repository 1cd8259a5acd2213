"""Orders: erasing a source, a store, a dataset, accounts or what is too old, in chunks of 1,024 photographs."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "order",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("selection", sa.JSON(), nullable=False, comment="ids of what is meant, days, dates"),
        sa.Column("sealed_accounts", sa.LargeBinary(), nullable=True, comment="names of accounts, sealed; purged"),
        sa.Column("reason", sa.Text(), nullable=False, comment="by whose order and on what ground, in a sentence"),
        sa.Column("suppresses", sa.String(length=8), nullable=False, comment="what is stopped at the gate after"),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("cursor", sa.JSON(), nullable=True, comment="of the planning: store and key; then of the checking"),
        sa.Column("plan", sa.JSON(), nullable=True, comment="counts by store and dataset, what is left out and why"),
        sa.Column("plan_digest", sa.String(length=64), nullable=True, comment="Merkle root, hexadecimal"),
        sa.Column("images_root", sa.String(length=64), nullable=True),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False, comment="photographs erased, or known not to be"),
        sa.Column("checked", sa.Integer(), nullable=False, comment="photographs that were looked for again"),
        sa.Column("working_seconds", sa.Double(), nullable=False, comment="of the phase it is in"),
        sa.Column("asked_by", sa.String(length=32), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_by", sa.String(length=32), nullable=True),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("second_by", sa.String(length=32), nullable=True),
        sa.Column("second_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("one_person", sa.Boolean(), nullable=False),
        sa.Column("cooling_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("why_stopped", sa.String(length=500), nullable=True),
        sa.Column("signatory", sa.String(length=200), nullable=False, comment="who signs the sworn statement on paper"),
        sa.Column("position", sa.String(length=200), nullable=False, comment="their position in the organisation"),
        sa.Column("oath", sa.String(length=10), nullable=False, comment="by which law they swear"),
        sa.Column("work_state", sa.String(length=8), nullable=False),
        sa.Column("run_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.String(length=80), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(length=500), nullable=True),
        sa.CheckConstraint(
            "kind IN ('source', 'store', 'dataset', 'accounts', 'retention')", name=op.f("ck_order_kind_is_known")
        ),
        sa.CheckConstraint("oath IN ('us', 'california', 'statement')", name=op.f("ck_order_oath_is_known")),
        sa.CheckConstraint(
            "state IN ('planning', 'planned', 'cooling', 'running', 'checking', 'notifying', 'settled', 'cancelled', 'stopped')",
            name=op.f("ck_order_state_is_known"),
        ),
        sa.CheckConstraint("suppresses IN ('near', 'exact', 'nothing')", name=op.f("ck_order_suppresses_is_known")),
        sa.CheckConstraint(
            "work_state IN ('idle', 'due', 'leased', 'done', 'failed')", name=op.f("ck_order_work_state_is_known")
        ),
        sa.CheckConstraint(
            "second_by IS NULL OR second_by <> first_by OR one_person", name=op.f("ck_order_two_different_people_agree")
        ),
        sa.ForeignKeyConstraint(["asked_by"], ["account.id"], name=op.f("fk_order_asked_by_account")),
        sa.ForeignKeyConstraint(["first_by"], ["account.id"], name=op.f("fk_order_first_by_account")),
        sa.ForeignKeyConstraint(["second_by"], ["account.id"], name=op.f("fk_order_second_by_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order")),
    )
    op.create_index(op.f("ix_order_work_state"), "order", ["work_state"], unique=False)
    op.create_table(
        "order_certificate",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("order_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False, comment="full or partial"),
        sa.Column("statement", sa.LargeBinary(), nullable=False, comment="the exact bytes that are in the log"),
        sa.Column(
            "sealed_people", sa.LargeBinary(), nullable=False, comment="lines about models and recipients, sealed"
        ),
        sa.Column("entry", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["entry"], ["entry.position"], name=op.f("fk_order_certificate_entry_entry")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["order.id"], name=op.f("fk_order_certificate_order_id_order"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_certificate")),
        sa.UniqueConstraint("entry", name=op.f("uq_order_certificate_entry")),
        sa.UniqueConstraint("order_id", name=op.f("uq_order_certificate_order_id")),
    )
    op.create_table(
        "order_chunk",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False, comment="of the leaves as they were planned"),
        sa.Column(
            "sealed", sa.LargeBinary(), nullable=False, comment="the photographs with salts; keys and digests purged"
        ),
        sa.Column("marks", sa.LargeBinary(), nullable=False, comment="what became of each, one letter a photograph"),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False, comment="of the worker that wrote the intent"),
        sa.Column("counts", sa.JSON(), nullable=True, comment="how many came to each result, and what else went"),
        sa.Column("evidence", sa.JSON(), nullable=True, comment="what the check by another path saw"),
        sa.Column(
            "results_root", sa.LargeBinary(length=32), nullable=True, comment="of the lines as they are certified"
        ),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('planned', 'intent', 'applied', 'verified')", name=op.f("ck_order_chunk_state_is_known")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["order.id"], name=op.f("fk_order_chunk_order_id_order"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_chunk")),
        sa.UniqueConstraint("order_id", "number", name=op.f("uq_order_chunk_order_id_number")),
    )
    op.create_table(
        "order_item",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("target", sa.String(length=32), nullable=False, comment="id of the model, product or recipient"),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("via", sa.Text(), nullable=False, comment="how it was reached, in sentences"),
        sa.Column("leaf", sa.LargeBinary(length=32), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("result", sa.String(length=30), nullable=True, comment="a remedy, or what the recipient answered"),
        sa.Column("evidence", sa.JSON(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("done_by", sa.String(length=32), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('model', 'product', 'recipient')", name=op.f("ck_order_item_kind_is_known")),
        sa.CheckConstraint("state IN ('planned', 'verified')", name=op.f("ck_order_item_state_is_known")),
        sa.ForeignKeyConstraint(["done_by"], ["account.id"], name=op.f("fk_order_item_done_by_account")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["order.id"], name=op.f("fk_order_item_order_id_order"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_item")),
        sa.UniqueConstraint("order_id", "number", name=op.f("uq_order_item_order_id_number")),
    )
    op.create_table(
        "suppression_chunk",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digests", sa.LargeBinary(), nullable=False, comment="16 bytes each: the beginning of a keyed hash"),
        sa.Column("near_digests", sa.LargeBinary(), nullable=True, comment="32 bytes each, sealed together"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["order.id"], name=op.f("fk_suppression_chunk_order_id_order"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppression_chunk")),
        sa.UniqueConstraint("order_id", "number", name=op.f("uq_suppression_chunk_order_id_number")),
    )
    op.create_index("ix_suppression_chunk_expires_at", "suppression_chunk", ["expires_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_suppression_chunk_expires_at", table_name="suppression_chunk")
    op.drop_table("suppression_chunk")
    op.drop_table("order_item")
    op.drop_table("order_chunk")
    op.drop_table("order_certificate")
    op.drop_index(op.f("ix_order_work_state"), table_name="order")
    op.drop_table("order")
