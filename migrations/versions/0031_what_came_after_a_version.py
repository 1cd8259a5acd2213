"""What was put into a dataset after one of its versions, so that the version's digest can be made again."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "added_chunk",
        sa.Column("version_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False, comment="of the range of ids"),
        sa.Column("members", sa.LargeBinary(), nullable=False, comment="checksum and bitmap"),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["dataset_version.id"],
            name=op.f("fk_added_chunk_version_id_dataset_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version_id", "number", name=op.f("pk_added_chunk")),
    )


def downgrade() -> None:
    op.drop_table("added_chunk")
