"""Who holds the photographs of a store that is somebody else's: they are asked to erase."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

HOLDER = "fk_store_holder_id_recipient"


def upgrade() -> None:
    with op.batch_alter_table("store") as batch_op:
        batch_op.add_column(
            sa.Column(
                "holder_id",
                sa.String(length=32),
                nullable=True,
                comment="who holds the photographs, where the portal can only ask",
            )
        )
        batch_op.create_foreign_key(batch_op.f(HOLDER), "recipient", ["holder_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("store") as batch_op:
        batch_op.drop_constraint(batch_op.f(HOLDER), type_="foreignkey")
        batch_op.drop_column("holder_id")
