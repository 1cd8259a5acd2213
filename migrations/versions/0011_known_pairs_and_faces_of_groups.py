"""Pairs with a known answer, pairs left to others, and what is done about one face of several in a photograph."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ANSWER = "answer IN ('different', 'probably-different', 'cannot-tell', 'probably-same', 'same')"
BEFORE = (
    "kind IN ('image', 'templates', 'crop', 'record', 'dataset-place', 'suppression', 'model', 'product', 'recipient')"
)
AFTER = (
    "kind IN ('image', 'templates', 'crop', 'record', 'dataset-place', 'suppression', 'model', 'product', 'recipient',"
    " 'face', 'redaction')"
)


def upgrade() -> None:
    _make_known()
    op.create_table(
        "passed_on",
        sa.Column("id", BIG, nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("candidate_id", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=15), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "reason IN ('knows-person', 'too-hard', 'distressing')", name=op.f("ck_passed_on_reason_is_known")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_passed_on_account_id_account")),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidate.id"], name=op.f("fk_passed_on_candidate_id_candidate"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passed_on")),
        sa.UniqueConstraint("account_id", "candidate_id", name=op.f("uq_passed_on_account_id_candidate_id")),
    )
    with op.batch_alter_table("judgement") as batch_op:
        batch_op.add_column(
            sa.Column(
                "others_shown_at",
                sa.DateTime(timezone=True),
                nullable=True,
                comment="when its giver read what the others had said",
            )
        )
    with op.batch_alter_table("candidate") as batch_op:
        batch_op.add_column(
            sa.Column(
                "remedy", sa.String(length=10), nullable=True, comment="where others are in the picture; empty: delete"
            )
        )
        batch_op.add_column(
            sa.Column(
                "remedied_at",
                sa.DateTime(timezone=True),
                nullable=True,
                comment="when the face left a picture that stays",
            )
        )
        batch_op.create_check_constraint(
            batch_op.f("ck_candidate_remedy_is_known"), "remedy IN ('delete', 'crop', 'mask', 'template')"
        )
    _let_in(AFTER)


def downgrade() -> None:
    op.execute("DELETE FROM erasure_item WHERE kind IN ('face', 'redaction')")
    _let_in(BEFORE)
    with op.batch_alter_table("candidate") as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_candidate_remedy_is_known"), type_="check")
        batch_op.drop_column("remedied_at")
        batch_op.drop_column("remedy")
    with op.batch_alter_table("judgement") as batch_op:
        batch_op.drop_column("others_shown_at")
    op.drop_table("passed_on")
    op.drop_index(op.f("ix_known_look_pair_id"), "known_look")
    op.drop_table("known_look")
    op.drop_table("known_pair")
    op.drop_table("known_photo")


def _make_known() -> None:
    op.create_table(
        "known_photo",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False, comment="keyed, so that it is added once"),
        sa.Column("crop", sa.LargeBinary(), nullable=False, comment="sealed JPEG of the face"),
        sa.Column("whole", sa.LargeBinary(), nullable=False, comment="sealed JPEG of the whole picture"),
        sa.Column("basis", sa.String(length=15), nullable=False),
        sa.Column(
            "source",
            sa.String(length=200),
            nullable=False,
            comment="where it comes from; by this it is taken out again",
        ),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("basis IN ('consented', 'public-domain')", name=op.f("ck_known_photo_basis_is_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_photo")),
        sa.UniqueConstraint("digest", name=op.f("uq_known_photo_digest")),
    )
    op.create_table(
        "known_pair",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("sent_id", sa.String(length=32), nullable=True),
        sa.Column("found_id", sa.String(length=32), nullable=True),
        sa.Column("same", sa.Boolean(), nullable=False, comment="whether they show one person"),
        sa.ForeignKeyConstraint(
            ["sent_id"], ["known_photo.id"], name=op.f("fk_known_pair_sent_id_known_photo"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["found_id"], ["known_photo.id"], name=op.f("fk_known_pair_found_id_known_photo"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_pair")),
        sa.UniqueConstraint("sent_id", "found_id", name=op.f("uq_known_pair_sent_id_found_id")),
    )
    op.create_table(
        "known_look",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("pair_id", sa.String(length=32), nullable=False),
        sa.Column("handed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.String(length=20), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True, comment="from handing out to the answer"),
        sa.CheckConstraint(ANSWER, name=op.f("ck_known_look_answer_is_known")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_known_look_account_id_account")),
        sa.ForeignKeyConstraint(
            ["pair_id"], ["known_pair.id"], name=op.f("fk_known_look_pair_id_known_pair"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_look")),
        sa.UniqueConstraint("account_id", "pair_id", name=op.f("uq_known_look_account_id_pair_id")),
    )
    op.create_index(op.f("ix_known_look_pair_id"), "known_look", ["pair_id"])


def _let_in(kinds: str) -> None:
    with op.batch_alter_table("erasure_item") as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_erasure_item_kind_is_known"), type_="check")
        batch_op.create_check_constraint(batch_op.f("ck_erasure_item_kind_is_known"), kinds)
