"""Orders get what erasures have: notices, second looks, later statements, outputs, and proofs about training runs."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

ONE = "(erasure_id IS NULL) <> (order_id IS NULL)"
KINDS = "ck_order_item_kind_is_known"
FIRST = "ck_order_certificate_only_the_first_has_none_before_it"


def upgrade() -> None:
    for table, unique in (("notice", ["order_id", "recipient_id", "number"]), ("recheck", None)):
        with op.batch_alter_table(table) as batch_op:
            batch_op.alter_column("erasure_id", existing_type=sa.String(length=32), nullable=True)
            batch_op.add_column(sa.Column("order_id", sa.String(length=32), nullable=True))
            batch_op.create_foreign_key(
                batch_op.f(f"fk_{table}_order_id_order"), "order", ["order_id"], ["id"], ondelete="CASCADE"
            )
            batch_op.create_check_constraint(batch_op.f(f"ck_{table}_is_of_one_erasure_or_one_order"), ONE)
            batch_op.create_index(batch_op.f(f"ix_{table}_order_id"), ["order_id"])
            if unique:
                batch_op.create_unique_constraint(batch_op.f(f"uq_{table}_{'_'.join(unique)}"), unique)
    op.add_column(
        "recheck", sa.Column("cursor", sa.Integer(), nullable=True, comment="the chunk up to which it has come")
    )
    op.add_column(
        "order",
        sa.Column(
            "looked_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when it was last asked who else has a copy",
        ),
    )
    op.add_column(
        "order_chunk",
        sa.Column(
            "again_at", sa.DateTime(timezone=True), nullable=True, comment="when what its store keeps is tried again"
        ),
    )
    with op.batch_alter_table("order_certificate") as batch_op:
        batch_op.add_column(sa.Column("number", sa.Integer(), server_default="1", nullable=False))
        batch_op.add_column(
            sa.Column("supersedes", sa.String(length=32), nullable=True, comment="the one before it, which stays")
        )
        batch_op.drop_constraint(batch_op.f("uq_order_certificate_order_id"), type_="unique")
        batch_op.create_unique_constraint(batch_op.f("uq_order_certificate_order_id_number"), ["order_id", "number"])
        batch_op.create_foreign_key(
            batch_op.f("fk_order_certificate_supersedes_order_certificate"), "order_certificate", ["supersedes"], ["id"]
        )
        batch_op.create_check_constraint(batch_op.f(FIRST), "(number = 1) = (supersedes IS NULL)")
    _kinds("'model', 'output', 'product', 'recipient'")
    op.create_table(
        "order_absence",
        sa.Column("retraining_id", sa.String(length=32), nullable=False),
        sa.Column("order_id", sa.String(length=32), nullable=False),
        sa.Column("photographs", sa.Integer(), nullable=False, comment="how many were looked for"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="the values of the tree, 32 bytes each, sealed"),
        sa.ForeignKeyConstraint(
            ["retraining_id"], ["retraining.id"], name=op.f("fk_order_absence_retraining_id_retraining"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["order.id"], name=op.f("fk_order_absence_order_id_order"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("retraining_id", "order_id", name=op.f("pk_order_absence")),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_table("order_absence")
    op.execute("DELETE FROM order_item WHERE kind = 'output'")
    _kinds("'model', 'product', 'recipient'")
    # Where there are several, the one that was issued first is the only one that an older version knows.
    op.execute("DELETE FROM order_certificate WHERE number > 1")
    with op.batch_alter_table("order_certificate") as batch_op:
        batch_op.drop_constraint(batch_op.f(FIRST), type_="check")
        batch_op.drop_constraint(batch_op.f("fk_order_certificate_supersedes_order_certificate"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("uq_order_certificate_order_id_number"), type_="unique")
        batch_op.create_unique_constraint(batch_op.f("uq_order_certificate_order_id"), ["order_id"])
        batch_op.drop_column("supersedes")
        batch_op.drop_column("number")
    op.drop_column("order_chunk", "again_at")
    op.drop_column("order", "looked_at")
    op.drop_column("recheck", "cursor")
    for table, unique in (("notice", ["order_id", "recipient_id", "number"]), ("recheck", None)):
        rows = sa.table(table, sa.column("erasure_id"))
        op.execute(rows.delete().where(rows.c.erasure_id.is_(None)))
        with op.batch_alter_table(table) as batch_op:
            if unique:
                batch_op.drop_constraint(batch_op.f(f"uq_{table}_{'_'.join(unique)}"), type_="unique")
            batch_op.drop_index(batch_op.f(f"ix_{table}_order_id"))
            batch_op.drop_constraint(batch_op.f(f"ck_{table}_is_of_one_erasure_or_one_order"), type_="check")
            batch_op.drop_constraint(batch_op.f(f"fk_{table}_order_id_order"), type_="foreignkey")
            batch_op.drop_column("order_id")
            batch_op.alter_column("erasure_id", existing_type=sa.String(length=32), nullable=False)


def _kinds(listed: str) -> None:
    with op.batch_alter_table("order_item") as batch_op:
        batch_op.drop_constraint(batch_op.f(KINDS), type_="check")
        batch_op.create_check_constraint(batch_op.f(KINDS), f"kind IN ({listed})")
