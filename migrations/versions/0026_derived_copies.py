"""Copies that were made of a photograph, such as thumbnails: each is an item of an erasure."""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

KNOWN = "ck_erasure_item_kind_is_known"
KINDS = (
    "'image', 'templates', 'crop', 'record', 'dataset-place', 'suppression', 'model', 'product', 'recipient', 'face', "
    "'redaction', 'output'"
)


def _kinds(listed: str) -> None:
    with op.batch_alter_table("erasure_item") as batch_op:
        batch_op.drop_constraint(batch_op.f(KNOWN), type_="check")
        batch_op.create_check_constraint(batch_op.f(KNOWN), f"kind IN ({listed})")


def upgrade() -> None:
    _kinds(f"{KINDS}, 'copy'")


def downgrade() -> None:
    op.execute("DELETE FROM erasure_item WHERE kind = 'copy'")
    _kinds(KINDS)
