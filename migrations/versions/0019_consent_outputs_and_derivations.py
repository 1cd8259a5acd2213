"""Consent and right of a source, what models said about people, and what was made from what."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

KINDS = "'image', 'templates', 'crop', 'record', 'dataset-place', 'suppression', 'model', 'product', 'recipient', 'face', 'redaction'"


def _text(name: str, default: str = "", length: int | None = None, comment: str | None = None) -> sa.Column[str]:
    kind = sa.String(length=length) if length else sa.Text()
    return sa.Column(name, kind, server_default=default, nullable=False, comment=comment)


def _kinds(listed: str) -> None:
    with op.batch_alter_table("erasure_item") as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_erasure_item_kind_is_known"), type_="check")
        batch_op.create_check_constraint(batch_op.f("ck_erasure_item_kind_is_known"), f"kind IN ({listed})")


def upgrade() -> None:
    with op.batch_alter_table("source") as batch_op:
        batch_op.add_column(_text("consented", "unknown", 10, "whether the people in them agreed"))
        batch_op.add_column(_text("consent_scope", comment="to what they agreed"))
        batch_op.add_column(_text("may_share", "unknown", 10, "whether the giver had the right to share"))
        batch_op.add_column(_text("interest", comment="what the giver had in the taker, such as shares"))
        batch_op.create_check_constraint(
            batch_op.f("ck_source_consented_is_known"), "consented IN ('yes', 'some', 'no', 'unknown')"
        )
        batch_op.create_check_constraint(
            batch_op.f("ck_source_may_share_is_known"), "may_share IN ('yes', 'no', 'unknown')"
        )
    with op.batch_alter_table("store") as batch_op:
        batch_op.add_column(_text("despite", comment="why it is read although its source has no recorded right"))
    # What is read already stays readable: people must go on being found.
    op.execute("UPDATE store SET despite = 'It was added before this was asked.' WHERE source_id IS NOT NULL")
    with op.batch_alter_table("dataset") as batch_op:
        batch_op.add_column(_text("digest", length=200, comment="such as md5:0cc1..."))
        batch_op.add_column(_text("licence", length=500))
        batch_op.add_column(_text("url", length=2000))
    with op.batch_alter_table("training_use") as batch_op:
        batch_op.add_column(_text("run", length=200, comment="id of the training run in its own system"))
    _dataset_store()
    _derivation()
    _stored_output()
    _kinds(f"{KINDS}, 'output'")


def _dataset_store() -> None:
    op.create_table(
        "dataset_store",
        sa.Column("dataset_id", sa.String(length=32), nullable=False),
        sa.Column("store_id", sa.String(length=32), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["dataset.id"], name=op.f("fk_dataset_store_dataset_id_dataset"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["store_id"], ["store.id"], name=op.f("fk_dataset_store_store_id_store"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("dataset_id", "store_id", name=op.f("pk_dataset_store")),
    )
    op.execute(
        "INSERT INTO dataset_store (dataset_id, store_id, first_at) "
        "SELECT dataset_member.dataset_id, image.store_id, min(dataset_member.added_at) FROM dataset_member "
        "JOIN image ON image.id = dataset_member.image_id GROUP BY dataset_member.dataset_id, image.store_id"
    )


def _derivation() -> None:
    op.create_table(
        "derivation",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("dataset_id", sa.String(length=32), nullable=True),
        sa.Column("from_dataset_id", sa.String(length=32), nullable=True),
        sa.Column("model_id", sa.String(length=32), nullable=True),
        sa.Column("from_model_id", sa.String(length=32), nullable=True),
        sa.Column("made_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "(dataset_id IS NULL) = (from_dataset_id IS NULL) AND (model_id IS NULL) = (from_model_id IS NULL) "
            "AND (dataset_id IS NULL) <> (model_id IS NULL)",
            name=op.f("ck_derivation_is_of_two_datasets_or_two_models"),
        ),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["dataset.id"], name=op.f("fk_derivation_dataset_id_dataset"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["from_dataset_id"], ["dataset.id"], name=op.f("fk_derivation_from_dataset_id_dataset"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["model_id"], ["trained_model.id"], name=op.f("fk_derivation_model_id_trained_model"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["from_model_id"],
            ["trained_model.id"],
            name=op.f("fk_derivation_from_model_id_trained_model"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_derivation")),
        sa.UniqueConstraint("dataset_id", "from_dataset_id", name=op.f("uq_derivation_dataset_id_from_dataset_id")),
        sa.UniqueConstraint("model_id", "from_model_id", name=op.f("uq_derivation_model_id_from_model_id")),
    )


def _stored_output() -> None:
    op.create_table(
        "stored_output",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("model_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("image_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "account", sa.String(length=64), nullable=True, comment="keyed hash of the store and the account's name"
        ),
        sa.Column("dataset_id", sa.String(length=32), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False, comment="how many such outputs are kept"),
        sa.Column("kept_at", sa.Text(), nullable=False, comment="where they are kept"),
        sa.Column("made_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('age', 'sex', 'ethnicity', 'identity', 'emotion', 'likeness', 'other')",
            name=op.f("ck_stored_output_kind_is_known"),
        ),
        sa.CheckConstraint(
            "(CASE WHEN image_id IS NULL THEN 0 ELSE 1 END) + (CASE WHEN account IS NULL THEN 0 ELSE 1 END) "
            "+ (CASE WHEN dataset_id IS NULL THEN 0 ELSE 1 END) = 1",
            name=op.f("ck_stored_output_is_about_one_thing"),
        ),
        sa.ForeignKeyConstraint(
            ["model_id"], ["trained_model.id"], name=op.f("fk_stored_output_model_id_trained_model"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image.id"], name=op.f("fk_stored_output_image_id_image"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["dataset.id"], name=op.f("fk_stored_output_dataset_id_dataset"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stored_output")),
    )
    for column in ("image_id", "account", "dataset_id"):
        op.create_index(f"ix_stored_output_{column}", "stored_output", [column])


def downgrade() -> None:
    op.execute("DELETE FROM erasure_item WHERE kind = 'output'")
    _kinds(KINDS)
    for table in ("stored_output", "derivation", "dataset_store"):
        op.drop_table(table)
    _drop("training_use", "run")
    _drop("dataset", "url", "licence", "digest")
    _drop("store", "despite")
    with op.batch_alter_table("source") as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_source_consented_is_known"), type_="check")
        batch_op.drop_constraint(batch_op.f("ck_source_may_share_is_known"), type_="check")
        for name in ("interest", "may_share", "consent_scope", "consented"):
            batch_op.drop_column(name)


def _drop(table: str, *columns: str) -> None:
    with op.batch_alter_table(table) as batch_op:
        for name in columns:
            batch_op.drop_column(name)
