"""Indexes that find what one reviewer holds and has judged, however many pairs there are."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_candidate_lease_account_id"), "candidate", ["lease_account_id"], unique=False)
    op.create_index(op.f("ix_judgement_account_id"), "judgement", ["account_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_judgement_account_id"), table_name="judgement")
    op.drop_index(op.f("ix_candidate_lease_account_id"), table_name="candidate")
