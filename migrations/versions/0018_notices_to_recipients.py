"""Notices to recipients with what they answer, what later ones are made from, and the public feed of removals."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feed",
        sa.Column("dataset_id", sa.String(length=32), nullable=False),
        sa.Column("size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False, comment="roots of its full subtrees, 32 bytes each"),
        sa.Column("note", sa.Text(), nullable=False, comment="the signed head as it is given out"),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["dataset.id"], name=op.f("fk_feed_dataset_id_dataset"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("dataset_id", name=op.f("pk_feed")),
    )
    op.create_table(
        "feed_entry",
        sa.Column("dataset_id", sa.String(length=32), nullable=False),
        sa.Column(
            "position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column(
            "image_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="of the tombstone"
        ),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False, comment="salted; public"),
        sa.Column("removed_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["feed.dataset_id"], name=op.f("fk_feed_entry_dataset_id_feed"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("dataset_id", "position", name=op.f("pk_feed_entry")),
        sa.UniqueConstraint("dataset_id", "image_id", name=op.f("uq_feed_entry_dataset_id_image_id")),
    )
    op.create_table(
        "notice_ground",
        sa.Column("erasure_id", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="sealed JSON: digest by image"),
        sa.Column(
            "looked_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when it was last asked who else has a copy",
        ),
        sa.Column("purge_after", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["erasure_id"], ["erasure.id"], name=op.f("fk_notice_ground_erasure_id_erasure"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("erasure_id", name=op.f("pk_notice_ground")),
    )
    op.create_index(op.f("ix_notice_ground_looked_at"), "notice_ground", ["looked_at"])
    op.create_index(op.f("ix_notice_ground_purge_after"), "notice_ground", ["purge_after"])
    op.create_table(
        "notice",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("erasure_id", sa.String(length=32), nullable=False),
        sa.Column("recipient_id", sa.String(length=32), nullable=False),
        sa.Column(
            "item_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="of the plan; empty where found later",
        ),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("covers", sa.JSON(), nullable=False, comment="the disclosures it is about: what, and on which day"),
        sa.Column("photographs", sa.Integer(), nullable=False, comment="how many digests it carries"),
        sa.Column("sealed", sa.LargeBinary(), nullable=True, comment="sealed JSON of what it says; purged"),
        sa.Column("digest", sa.String(length=64), nullable=False, comment="SHA-256 of the signed text, hexadecimal"),
        sa.Column("purge_after", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True, comment="when it first left"),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "tries", sa.Integer(), nullable=False, comment="calls of the endpoint that failed since the last reminder"
        ),
        sa.Column("reminders", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True, comment="when silence has a consequence"),
        sa.Column(
            "escalated_at", sa.DateTime(timezone=True), nullable=True, comment="since when a caseworker is to see to it"
        ),
        sa.Column("facts", sa.JSON(), nullable=False, comment="what was tried, when, and what came back"),
        sa.Column("result", sa.String(length=12), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.String(length=12), nullable=True),
        sa.Column("account_id", sa.String(length=32), nullable=True, comment="who wrote down the answer"),
        sa.Column("answer", sa.LargeBinary(), nullable=True, comment="sealed: their words or signed text, verbatim"),
        sa.Column("signed", sa.Boolean(), nullable=False, comment="signed with the key they registered"),
        sa.Column("work_state", sa.String(length=8), nullable=False),
        sa.Column("run_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.String(length=80), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(length=500), nullable=True),
        sa.CheckConstraint("answered_by IN ('recipient', 'caseworker')", name=op.f("ck_notice_answered_by_is_known")),
        sa.CheckConstraint(
            "result IN ('erased', 'nothing-held', 'partly', 'refused', 'told')", name=op.f("ck_notice_result_is_known")
        ),
        sa.CheckConstraint(
            "state IN ('made', 'sent', 'read', 'acknowledged', 'refused', 'unreachable')",
            name=op.f("ck_notice_state_is_known"),
        ),
        sa.CheckConstraint(
            "work_state IN ('idle', 'due', 'leased', 'done', 'failed')", name=op.f("ck_notice_work_state_is_known")
        ),
        sa.CheckConstraint(
            "(answered_at IS NULL) = (result IS NULL) AND (answered_at IS NULL) = (answered_by IS NULL)",
            name=op.f("ck_notice_an_answer_says_who_gave_it"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_notice_account_id_account")),
        sa.ForeignKeyConstraint(
            ["erasure_id"], ["erasure.id"], name=op.f("fk_notice_erasure_id_erasure"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["item_id"], ["erasure_item.id"], name=op.f("fk_notice_item_id_erasure_item"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["recipient_id"], ["recipient.id"], name=op.f("fk_notice_recipient_id_recipient"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint(
            "erasure_id", "recipient_id", "number", name=op.f("uq_notice_erasure_id_recipient_id_number")
        ),
    )
    op.create_index(op.f("ix_notice_erasure_id"), "notice", ["erasure_id"])
    op.create_index(op.f("ix_notice_next_at"), "notice", ["next_at"])
    op.create_index(op.f("ix_notice_purge_after"), "notice", ["purge_after"])
    op.create_index(op.f("ix_notice_recipient_id"), "notice", ["recipient_id"])
    op.create_index(op.f("ix_notice_work_state"), "notice", ["work_state"])
    with op.batch_alter_table("recipient") as batch_op:
        batch_op.add_column(
            sa.Column("endpoint", sa.String(length=500), nullable=True, comment="https address for signed notices")
        )
        batch_op.add_column(
            sa.Column(
                "answer_key", sa.String(length=300), nullable=True, comment="public key with which they sign answers"
            )
        )


def downgrade() -> None:
    with op.batch_alter_table("recipient") as batch_op:
        batch_op.drop_column("answer_key")
        batch_op.drop_column("endpoint")
    op.drop_index(op.f("ix_notice_work_state"), "notice")
    op.drop_index(op.f("ix_notice_recipient_id"), "notice")
    op.drop_index(op.f("ix_notice_purge_after"), "notice")
    op.drop_index(op.f("ix_notice_next_at"), "notice")
    op.drop_index(op.f("ix_notice_erasure_id"), "notice")
    op.drop_table("notice")
    op.drop_index(op.f("ix_notice_ground_purge_after"), "notice_ground")
    op.drop_index(op.f("ix_notice_ground_looked_at"), "notice_ground")
    op.drop_table("notice_ground")
    op.drop_table("feed_entry")
    op.drop_table("feed")
