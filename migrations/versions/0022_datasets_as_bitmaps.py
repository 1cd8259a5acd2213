"""Which images are in a dataset: one bitmap for 65,536 ids instead of a row for each. And its next versions."""

import zlib
from datetime import UTC, date, datetime
from itertools import groupby

import sqlalchemy as sa
from alembic import op
from pyroaring import BitMap

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

SIZE = 1 << 16
STILL = date.max
BATCH = 1000


def upgrade() -> None:
    op.create_table(
        "dataset_chunk",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False, comment="of the range of ids"),
        sa.Column("dataset_id", sa.String(length=32), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False, comment="9999-12-31: still in it"),
        sa.Column("images", sa.Integer(), nullable=False, comment="how many"),
        sa.Column("members", sa.LargeBinary(), nullable=False, comment="checksum and bitmap"),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["dataset.id"], name=op.f("fk_dataset_chunk_dataset_id_dataset"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("number", "dataset_id", "since", "until", name=op.f("pk_dataset_chunk")),
    )
    op.create_index("ix_dataset_chunk_dataset_id", "dataset_chunk", ["dataset_id"])
    op.create_table(
        "dataset_version",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("dataset_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("label", sa.String(length=80), nullable=True),
        sa.Column("because", sa.String(length=60), nullable=False, comment="erasure/ID or order/ID"),
        sa.Column(
            "taken", sa.Integer(), nullable=False, comment="how many images it has less than the version before it"
        ),
        sa.Column("left", sa.Integer(), nullable=True, comment="how many images it has"),
        sa.Column("salt", sa.LargeBinary(length=16), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=True, comment="Merkle root of its members, salted"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["dataset.id"], name=op.f("fk_dataset_version_dataset_id_dataset"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset_version")),
        sa.UniqueConstraint("dataset_id", "number", name=op.f("uq_dataset_version_dataset_id_number")),
    )
    op.create_index("ix_dataset_version_because", "dataset_version", ["because"])
    op.create_table(
        "taken_chunk",
        sa.Column("version_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False, comment="of the range of ids"),
        sa.Column("members", sa.LargeBinary(), nullable=False, comment="checksum and bitmap"),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["dataset_version.id"],
            name=op.f("fk_taken_chunk_version_id_dataset_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version_id", "number", name=op.f("pk_taken_chunk")),
    )
    _pack()
    op.drop_table("dataset_member")


def downgrade() -> None:
    op.create_table(
        "dataset_member",
        sa.Column("dataset_id", sa.String(length=32), nullable=False),
        sa.Column(
            "image_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["dataset.id"], name=op.f("fk_dataset_member_dataset_id_dataset"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image.id"], name=op.f("fk_dataset_member_image_id_image"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("dataset_id", "image_id", name=op.f("pk_dataset_member")),
    )
    op.create_index("ix_dataset_member_image_id", "dataset_member", ["image_id"])
    _unpack()
    for table in ("taken_chunk", "dataset_version", "dataset_chunk"):
        op.drop_table(table)


def _member() -> sa.Table:
    return sa.table(
        "dataset_member",
        sa.column("dataset_id", sa.String()),
        sa.column("image_id", sa.BigInteger()),
        sa.column("added_at", sa.DateTime(timezone=True)),
        sa.column("removed_at", sa.DateTime(timezone=True)),
    )


def _chunk() -> sa.Table:
    return sa.table(
        "dataset_chunk",
        sa.column("number", sa.Integer()),
        sa.column("dataset_id", sa.String()),
        sa.column("since", sa.Date()),
        sa.column("until", sa.Date()),
        sa.column("images", sa.Integer()),
        sa.column("members", sa.LargeBinary()),
    )


def _pack() -> None:
    """An image counts as in a dataset since that was made: when it was written down says less."""
    connection = op.get_bind()
    dataset = sa.table("dataset", sa.column("id", sa.String()), sa.column("created_on", sa.Date()))
    since = {row.id: row.created_on for row in connection.execute(sa.select(dataset.c.id, dataset.c.created_on))}
    member = _member()
    places = sa.select(member.c.dataset_id, member.c.image_id, member.c.removed_at)
    in_order = places.order_by(member.c.dataset_id, member.c.image_id)
    rows = connection.execute(in_order, execution_options={"yield_per": BATCH})
    packed = []
    for (dataset_id, number), group in groupby(rows, lambda row: (row.dataset_id, row.image_id // SIZE)):
        for until, members in _by_day(group).items():
            # Who took it out before the dataset was made wrote down one of the two wrongly: no day comes before it.
            first = min(since[dataset_id], until)
            members.run_optimize()
            data = members.serialize()
            packed.append(
                {
                    "number": number,
                    "dataset_id": dataset_id,
                    "since": first,
                    "until": until,
                    "images": len(members),
                    "members": zlib.crc32(data).to_bytes(4, "big") + data,
                }
            )
    if packed:
        connection.execute(sa.insert(_chunk()), packed)


def _by_day(rows) -> dict[date, BitMap]:
    days: dict[date, BitMap] = {}
    for row in rows:
        until = STILL if row.removed_at is None else _utc(row.removed_at).date()
        days.setdefault(until, BitMap()).add(row.image_id % SIZE)
    return days


def _utc(at: datetime) -> datetime:
    """SQLite forgets time zones; what is stored is UTC."""
    return at if at.tzinfo is None else at.astimezone(UTC)


def _unpack() -> None:
    connection = op.get_bind()
    image = sa.table("image", sa.column("id", sa.BigInteger()))
    for row in connection.execute(sa.select(_chunk())).all():
        start = row.number * SIZE
        known = connection.scalars(sa.select(image.c.id).where(image.c.id.between(start, start + SIZE - 1)))
        members = BitMap.deserialize(row.members[4:]) & BitMap(image_id - start for image_id in known)
        gone = None if row.until == STILL else datetime(row.until.year, row.until.month, row.until.day, tzinfo=UTC)
        added = datetime(row.since.year, row.since.month, row.since.day, tzinfo=UTC)
        rows = [
            {
                "dataset_id": row.dataset_id,
                "image_id": start + offset,
                "added_at": added,
                "removed_at": gone,
            }
            for offset in members
        ]
        if rows:
            connection.execute(sa.insert(_member()), rows)
