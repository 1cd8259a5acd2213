"""A protected face template as a third way to know again what was deleted, and what it held back at the gate."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

KNOWN = "ck_case_right_keeps_is_known"


def upgrade() -> None:
    _know("'photographs', 'face', 'none'")
    op.create_table(
        "kept_face",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("encoder", sa.String(length=160), nullable=False, comment="name and version"),
        sa.Column(
            "sealed", sa.LargeBinary(), nullable=True, comment="the template, under a key of its own; empty: destroyed"
        ),
        sa.Column(
            "purpose", sa.String(length=200), nullable=False, comment="what it may be used for, and nothing else"
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_because", sa.String(length=10), nullable=True),
        sa.CheckConstraint(
            "ended_because IN ('expired', 'withdrawn', 'no-use')", name=op.f("ck_kept_face_ended_because_is_known")
        ),
        sa.CheckConstraint(
            "(sealed IS NULL) = (ended_at IS NOT NULL)", name=op.f("ck_kept_face_what_has_ended_keeps_nothing")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_kept_face_case_id_case"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_face")),
        sa.UniqueConstraint("case_id", "encoder", name=op.f("uq_kept_face_case_id_encoder")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "held_back",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("image_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False, comment="keyed hash of the bytes' SHA-256"),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(length=32), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=True, comment="why it may come in"),
        sa.CheckConstraint("state IN ('waiting', 'let-in', 'kept-out')", name=op.f("ck_held_back_state_is_known")),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image.id"], name=op.f("fk_held_back_image_id_image"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["account.id"], name=op.f("fk_held_back_decided_by_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_held_back")),
        sa.UniqueConstraint("image_id", name=op.f("uq_held_back_image_id")),
    )
    op.create_index(op.f("ix_held_back_digest"), "held_back", ["digest"])
    op.create_index(op.f("ix_held_back_state"), "held_back", ["state"])


def downgrade() -> None:
    op.drop_table("held_back")
    op.drop_table("kept_face")
    op.execute("UPDATE case_right SET keeps = 'photographs' WHERE keeps = 'face'")
    _know("'photographs', 'none'")


def _know(values: str) -> None:
    with op.batch_alter_table("case_right") as batch_op:
        batch_op.drop_constraint(batch_op.f(KNOWN), type_="check")
        batch_op.create_check_constraint(batch_op.f(KNOWN), f"keeps IN ({values})")
