"""An index that finds the candidates of a face: without it each deleted face had every candidate read."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_candidate_face_id"), "candidate", ["face_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_candidate_face_id"), table_name="candidate")
