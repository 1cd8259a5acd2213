"""How often an encoder errs on the faces that are held: one row for each calibration."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "calibration",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("encoder_id", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gallery_size", sa.Integer(), nullable=False, comment="faces in the gallery on that day"),
        sa.Column("candidates", sa.Float(), nullable=False, comment="faces of other people that a search may return"),
        sa.Column("threshold", sa.Float(), nullable=True, comment="what followed on that day; empty: too few pairs"),
        sa.Column(
            "curve", sa.JSON(), nullable=False, comment="error rates over thresholds, see matching/calibration.py"
        ),
        sa.ForeignKeyConstraint(
            ["encoder_id"], ["encoder.id"], name=op.f("fk_calibration_encoder_id_encoder"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calibration")),
    )
    op.create_index(op.f("ix_calibration_encoder_id"), "calibration", ["encoder_id"])


def downgrade() -> None:
    with op.batch_alter_table("calibration", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_calibration_encoder_id"))

    op.drop_table("calibration")
