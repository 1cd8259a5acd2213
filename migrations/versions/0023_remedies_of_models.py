"""Remedies of models with their evidence, training runs that were checked, and certificates that replace earlier ones."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
REMEDIES = "remedy IN ('destroyed', 'retrained-without', 'unlearned', 'output-suppressed', 'not-affected', 'kept')"


def upgrade() -> None:
    op.create_table(
        "retraining",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("model_id", sa.String(length=32), nullable=False),
        sa.Column("run", sa.String(length=200), nullable=False, comment="id of the training run in its own system"),
        sa.Column("root", sa.String(length=64), nullable=False, comment="Merkle root of the manifest, hexadecimal"),
        sa.Column("salt", sa.LargeBinary(length=16), nullable=False),
        sa.Column("photographs", BIG, nullable=False, comment="how many different ones the manifest has"),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"], ["trained_model.id"], name=op.f("fk_retraining_model_id_trained_model"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retraining")),
    )
    op.create_index(op.f("ix_retraining_model_id"), "retraining", ["model_id"])
    op.create_table(
        "absence",
        sa.Column("retraining_id", sa.String(length=32), nullable=False),
        sa.Column("erasure_id", sa.String(length=32), nullable=False),
        sa.Column("photographs", sa.Integer(), nullable=False, comment="how many proofs"),
        sa.Column(
            "sealed", sa.LargeBinary(), nullable=False, comment="sealed JSON: the proof by position of the plan's item"
        ),
        sa.ForeignKeyConstraint(
            ["retraining_id"], ["retraining.id"], name=op.f("fk_absence_retraining_id_retraining"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["erasure_id"], ["erasure.id"], name=op.f("fk_absence_erasure_id_erasure"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("retraining_id", "erasure_id", name=op.f("pk_absence")),
    )
    op.create_table(
        "remedy",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("item_id", BIG, nullable=True),
        sa.Column("order_item_id", BIG, nullable=True),
        sa.Column("remedy", sa.String(length=20), nullable=False),
        sa.Column("done_on", sa.Date(), nullable=False),
        sa.Column(
            "method", sa.String(length=500), nullable=False, comment="how: of destroying, unlearning, suppressing"
        ),
        sa.Column("basis", sa.Text(), nullable=False, comment="why it is kept, or why it is not affected"),
        sa.Column("weights_before", sa.String(length=64), nullable=False, comment="SHA-256, hexadecimal"),
        sa.Column("weights_after", sa.String(length=64), nullable=False, comment="SHA-256, hexadecimal"),
        sa.Column("run", sa.String(length=200), nullable=False, comment="id of the training run in its own system"),
        sa.Column("retraining_id", sa.String(length=32), nullable=True),
        sa.Column("answered_by", sa.String(length=32), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.String(length=32), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("one_person", sa.Boolean(), nullable=False, comment="the installation lets one person alone answer"),
        sa.CheckConstraint(REMEDIES, name=op.f("ck_remedy_remedy_is_known")),
        sa.CheckConstraint(
            "(item_id IS NULL) <> (order_item_id IS NULL)", name=op.f("ck_remedy_is_of_one_erasure_or_one_order")
        ),
        sa.CheckConstraint(
            "confirmed_by IS NULL OR confirmed_by <> answered_by OR one_person",
            name=op.f("ck_remedy_two_different_people_agree"),
        ),
        sa.ForeignKeyConstraint(
            ["item_id"], ["erasure_item.id"], name=op.f("fk_remedy_item_id_erasure_item"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["order_item_id"], ["order_item.id"], name=op.f("fk_remedy_order_item_id_order_item"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["retraining_id"], ["retraining.id"], name=op.f("fk_remedy_retraining_id_retraining")),
        sa.ForeignKeyConstraint(["answered_by"], ["account.id"], name=op.f("fk_remedy_answered_by_account")),
        sa.ForeignKeyConstraint(["confirmed_by"], ["account.id"], name=op.f("fk_remedy_confirmed_by_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remedy")),
        sa.UniqueConstraint("item_id", name=op.f("uq_remedy_item_id")),
        sa.UniqueConstraint("order_item_id", name=op.f("uq_remedy_order_item_id")),
    )
    op.add_column(
        "erasure",
        sa.Column(
            "told_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the person was told what is done and what is awaited",
        ),
    )
    with op.batch_alter_table("certificate") as batch_op:
        batch_op.add_column(sa.Column("number", sa.Integer(), server_default="1", nullable=False))
        batch_op.add_column(
            sa.Column("supersedes", sa.String(length=32), nullable=True, comment="the one before it, which stays")
        )
        batch_op.drop_constraint(batch_op.f("uq_certificate_erasure_id"), type_="unique")
        batch_op.create_unique_constraint(batch_op.f("uq_certificate_erasure_id_number"), ["erasure_id", "number"])
        batch_op.create_foreign_key(
            batch_op.f("fk_certificate_supersedes_certificate"), "certificate", ["supersedes"], ["id"]
        )
        batch_op.create_check_constraint(
            batch_op.f("ck_certificate_only_the_first_has_none_before_it"), "(number = 1) = (supersedes IS NULL)"
        )


def downgrade() -> None:
    # Where there are several, the one that was issued first is the only one that an older version knows.
    op.execute("DELETE FROM certificate WHERE number > 1")
    with op.batch_alter_table("certificate") as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_certificate_only_the_first_has_none_before_it"), type_="check")
        batch_op.drop_constraint(batch_op.f("fk_certificate_supersedes_certificate"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("uq_certificate_erasure_id_number"), type_="unique")
        batch_op.create_unique_constraint(batch_op.f("uq_certificate_erasure_id"), ["erasure_id"])
        batch_op.drop_column("supersedes")
        batch_op.drop_column("number")
    op.drop_column("erasure", "told_at")
    op.drop_table("remedy")
    op.drop_table("absence")
    op.drop_index(op.f("ix_retraining_model_id"), table_name="retraining")
    op.drop_table("retraining")
