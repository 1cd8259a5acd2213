"""Encoders that are added beside the built-in one, the fallback detector, retried scans and grouped candidates."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# A rebuilt table must go on never using an id twice.
NEVER_TWICE = {"sqlite_autoincrement": True}


def upgrade() -> None:
    op.create_table(
        "reencoding",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("encoder_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("wish", sa.String(length=10), nullable=True, comment="pause or cancel, asked for by a person"),
        sa.Column(
            "cursor",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="the image after which to go on",
        ),
        sa.Column("expected", sa.Integer(), nullable=True, comment="images with a face, counted at the start"),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("encoded", sa.Integer(), nullable=False, comment="faces that have a template of the new encoder now"),
        sa.Column(
            "missed", sa.Integer(), nullable=False, comment="images that could not be read any more, or have changed"
        ),
        sa.Column("started_by", sa.String(length=32), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("working_seconds", sa.Double(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("work_state", sa.String(length=8), nullable=False),
        sa.Column("run_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.String(length=80), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(length=500), nullable=True),
        sa.CheckConstraint(
            "state IN ('running', 'paused', 'done', 'cancelled', 'failed')", name=op.f("ck_reencoding_state_is_known")
        ),
        sa.CheckConstraint(
            "work_state IN ('idle', 'due', 'leased', 'done', 'failed')", name=op.f("ck_reencoding_work_state_is_known")
        ),
        sa.ForeignKeyConstraint(
            ["encoder_id"], ["encoder.id"], name=op.f("fk_reencoding_encoder_id_encoder"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["started_by"], ["account.id"], name=op.f("fk_reencoding_started_by_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reencoding")),
    )
    with op.batch_alter_table("reencoding", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reencoding_encoder_id"), ["encoder_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_reencoding_work_state"), ["work_state"], unique=False)

    with op.batch_alter_table("candidate", schema=None) as batch_op:
        batch_op.add_column(sa.Column("group_id", sa.String(length=32), nullable=True))
        batch_op.create_index(batch_op.f("ix_candidate_group_id"), ["group_id"], unique=False)

    with op.batch_alter_table("encoder", schema=None) as batch_op:
        batch_op.add_column(sa.Column("state", sa.String(length=10), server_default="live", nullable=False))
        batch_op.add_column(
            sa.Column(
                "digest", sa.LargeBinary(length=32), nullable=True, comment="SHA-256 of its file; empty: built in"
            )
        )
        batch_op.add_column(
            sa.Column("settings", sa.JSON(), nullable=True, comment="how it wants its chips; empty: built in")
        )
        batch_op.add_column(sa.Column("added_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_check_constraint(
            batch_op.f("ck_encoder_state_is_known"), "state IN ('live', 'coming', 'retired')"
        )

    with op.batch_alter_table("face", table_kwargs=NEVER_TWICE) as batch_op:
        batch_op.add_column(
            sa.Column(
                "fallback",
                sa.Boolean(),
                server_default=sa.false(),
                nullable=False,
                comment="found by the fallback detector: has a threshold of its own",
            )
        )

    with op.batch_alter_table("image", table_kwargs=NEVER_TWICE) as batch_op:
        batch_op.add_column(
            sa.Column(
                "encoder_id",
                sa.Integer(),
                nullable=True,
                comment="the encoder that looked at it last, also where it found nobody",
            )
        )
        batch_op.create_foreign_key(batch_op.f("fk_image_encoder_id_encoder"), "encoder", ["encoder_id"], ["id"])
    # Where nobody was found, no template says which encoder looked: those are looked at once more.
    op.execute(
        "UPDATE image SET encoder_id = (SELECT max(template.encoder_id) FROM template "
        "JOIN face ON face.id = template.face_id WHERE face.image_id = image.id)"
    )

    with op.batch_alter_table("scan", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "fallback",
                sa.Integer(),
                server_default="0",
                nullable=False,
                comment="only the fallback detector saw a face",
            )
        )
        batch_op.add_column(
            sa.Column(
                "encoded", sa.Integer(), server_default="0", nullable=False, comment="pictures opened and encoded in it"
            )
        )
        batch_op.add_column(
            sa.Column(
                "retry_of_id", sa.String(length=32), nullable=True, comment="look only at what that scan could not use"
            )
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_scan_retry_of_id_scan"), "scan", ["retry_of_id"], ["id"], ondelete="SET NULL"
        )

    with op.batch_alter_table("search", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("fallback_threshold", sa.Float(), nullable=True, comment="for faces of the fallback detector")
        )


def downgrade() -> None:
    with op.batch_alter_table("search", schema=None) as batch_op:
        batch_op.drop_column("fallback_threshold")

    with op.batch_alter_table("scan", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_scan_retry_of_id_scan"), type_="foreignkey")
        batch_op.drop_column("retry_of_id")
        batch_op.drop_column("encoded")
        batch_op.drop_column("fallback")

    op.execute("UPDATE image SET coverage = 'searched' WHERE coverage = 'fallback'")
    with op.batch_alter_table("image", table_kwargs=NEVER_TWICE) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_image_encoder_id_encoder"), type_="foreignkey")
        batch_op.drop_column("encoder_id")

    with op.batch_alter_table("face", table_kwargs=NEVER_TWICE) as batch_op:
        batch_op.drop_column("fallback")

    with op.batch_alter_table("encoder", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_encoder_state_is_known"), type_="check")
        batch_op.drop_column("added_at")
        batch_op.drop_column("settings")
        batch_op.drop_column("digest")
        batch_op.drop_column("state")

    with op.batch_alter_table("candidate", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_candidate_group_id"))
        batch_op.drop_column("group_id")

    with op.batch_alter_table("reencoding", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reencoding_work_state"))
        batch_op.drop_index(batch_op.f("ix_reencoding_encoder_id"))

    op.drop_table("reencoding")
