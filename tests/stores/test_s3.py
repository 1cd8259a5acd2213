"""Buckets as stores, on a real S3 server: every version, marker and unfinished upload, locks, and a bad network."""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select

import workers
from portal import clock
from portal.audit.log import instant
from portal.cli import efface
from portal.config import Config
from portal.db import Database
from portal.erasure import certificate, resuming
from portal.erasure.wording import in_words
from portal.errors import BadInput, Conflict, NotAllowed, NotFound, ObjectUnreadable, StoreUnavailable, TooLarge
from portal.jobs import POISON
from portal.stores import Deriving, Locked, Replacing, adding, s3_client
from portal.stores.s3_rewriting import RewritableS3
from portal.tables import Certificate, Erasure, ErasureItem, Scan, Store
from tests.experiments import buckets
from tests.fakes import drawn_jpeg
from tests.stores.contract import ConnectorContract, Put, Take, approved, digest
from tests.stores.s3_server import REGION, client_at, server, set_keys, troubled

NAMES = itertools.count(1)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with server() as address:
        yield address


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    set_keys(monkeypatch)
    monkeypatch.setattr(s3_client, "ATTEMPTS", 1)


@pytest.fixture
def s3(endpoint: str) -> Any:
    return client_at(endpoint)


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"photographs-{next(NAMES)}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def versioned(s3: Any, bucket: str) -> str:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


@pytest.fixture
def raw(endpoint: str, bucket: str) -> dict[str, Any]:
    return {"bucket": bucket, "prefix": "in/", "endpoint": endpoint, "region": REGION}


def made(settings: dict[str, Any], may_erase: bool = True) -> RewritableS3:
    return RewritableS3("cloud", RewritableS3.clean(settings), may_erase)


def empty(s3: Any, bucket: str) -> None:
    for one in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
        s3.delete_object(Bucket=bucket, Key=one["Key"])


class TestContract(ConnectorContract):
    KIND = "s3"

    @pytest.fixture
    def put(self, s3: Any, bucket: str) -> Put:
        return lambda key, data: s3.put_object(Bucket=bucket, Key=f"in/{key}", Body=data) and None

    @pytest.fixture
    def take(self, s3: Any, bucket: str) -> Take:
        return lambda key: s3.delete_object(Bucket=bucket, Key=f"in/{key}") and None

    @pytest.fixture
    def take_away(self, s3: Any, bucket: str) -> Callable[[], None]:
        def take_away() -> None:
            empty(s3, bucket)
            s3.delete_bucket(Bucket=bucket)

        return take_away

    @pytest.mark.parametrize("key", ["../x", "a/../../x", "./a", "", "a\0b", "a\0version\0", ".."])
    def test_keys_cannot_lead_out(self, connector: RewritableS3, key: str) -> None:
        """In a bucket slashes lead nowhere: only what a server in between could take for a folder is refused."""
        super().test_keys_cannot_lead_out(connector, key)
        for plain in ("/etc/passwd", "a//b", "a/"):
            with pytest.raises(NotFound):
                connector.open(plain)


def test_every_version_marker_and_unfinished_upload_goes(raw: dict[str, Any], s3: Any, versioned: str) -> None:
    for key in ("in/a.jpg", "in/a.jpg.bak"):
        for _ in range(3):
            s3.put_object(Bucket=versioned, Key=key, Body=b"a")
        s3.delete_object(Bucket=versioned, Key=key)
        s3.put_object(Bucket=versioned, Key=key, Body=b"a")
        s3.create_multipart_upload(Bucket=versioned, Key=key)
    connector = made(raw)
    refs = connector.enumerate_copies("a.jpg")
    assert [ref.split("\0")[1:2] for ref in refs] == [*[["version"]] * 4, ["upload"], ["marker"], []]
    assert {connector.probe_copy(ref) for ref in refs} == {"present"}
    assert [connector.erase_copy(ref, digest(b"a")) for ref in refs] == ["deleted"] * 6 + ["already-absent"]
    assert {connector.probe_copy(ref) for ref in refs} == {"absent"}
    assert [connector.erase_copy(ref, digest(b"a")) for ref in refs] == ["already-absent"] * 7
    assert connector.enumerate_copies("a.jpg") == ["a.jpg"]
    left = s3.list_object_versions(Bucket=versioned)
    assert [one["Key"] for one in left["Versions"] + left["DeleteMarkers"]] == ["in/a.jpg.bak"] * 5
    assert [one["Key"] for one in s3.list_multipart_uploads(Bucket=versioned)["Uploads"]] == ["in/a.jpg.bak"]


def test_an_etag_is_no_digest_and_a_version_with_other_bytes_stays_hidden(
    raw: dict[str, Any], s3: Any, versioned: str
) -> None:
    s3.put_object(Bucket=versioned, Key="in/a.jpg", Body=b"somebody else")
    s3.put_object(Bucket=versioned, Key="in/a.jpg", Body=b"approved")
    connector = made(raw)
    older, newer, _ = connector.enumerate_copies("a.jpg")
    with pytest.raises(Conflict) as caught:
        connector.erase_copy(older, digest(b"approved"))
    assert caught.value.code == "content-changed"
    assert connector.erase_copy(newer, digest(b"approved")) == "deleted"
    with pytest.raises(NotFound):
        connector.open("a.jpg")
    assert connector.probe_copy(older) == "present"
    (marker,) = [ref for ref in connector.enumerate_copies("a.jpg") if "\0marker\0" in ref]
    with pytest.raises(Conflict) as caught:
        connector.erase_copy(marker, digest(b"approved"))
    assert caught.value.code == "older-version-kept"


@pytest.fixture
def lockable(s3: Any, raw: dict[str, Any]) -> str:
    name = f"lockable-{next(NAMES)}"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    raw["bucket"] = name
    return name


def test_what_a_lock_keeps_is_on_the_certificate_with_its_day(
    raw: dict[str, Any], s3: Any, lockable: str, database: Database, scan: Callable[[Store], Scan]
) -> None:
    until = clock.now().replace(microsecond=0) + timedelta(days=40)
    lock = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}
    s3.put_object(Bucket=lockable, Key="in/a.jpg", Body=drawn_jpeg(1))
    s3.put_object(Bucket=lockable, Key="in/b.jpg", Body=(held := drawn_jpeg(2)), **lock)
    with database.writing() as session:
        store = adding.add_store(session, "cloud", "s3", raw, may_erase=True)
    assert any("object lock" in note for note in store.capabilities["notes"])
    scan(store)
    workers.carry_out(database, "erasing", approved(database, store))
    with database.reading() as session:
        items = session.scalars(select(ErasureItem).filter_by(kind="image").order_by(ErasureItem.position)).all()
        assert [(item.state, item.result) for item in items] == [("verified", "deleted"), ("residual", "residual")]
        assert items[1].evidence == {"until": instant(until)}
        assert until.date().isoformat() in (items[1].note or "")
        issued = session.scalars(select(Certificate)).one()
        statement = json.loads(issued.statement)
        listed = certificate.items_of(session, issued)
    assert statement["extent"] == "partial"
    assert statement["exceptions"] == [{"kind": "image", "why": "residual", "count": 1, "until": instant(until)}]
    statement["search"]["searches"] = []
    words = "\n".join(in_words(statement, listed))
    assert "because a lock of the store keeps it" in words
    assert f"{until:%-d %B %Y}" in words
    assert made(raw).open("b.jpg") == held


def test_after_the_day_of_a_lock_the_photograph_goes_and_the_certificate_says_so(
    raw: dict[str, Any],
    s3: Any,
    lockable: str,
    database: Database,
    scan: Callable[[Store], Scan],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    until = clock.now().replace(microsecond=0) + timedelta(days=40)
    lock = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until}
    key = {"Bucket": lockable, "Key": "in/a.jpg"}
    s3.put_object(**key, Body=drawn_jpeg(1), **lock)
    with database.writing() as session:
        store = adding.add_store(session, "cloud", "s3", raw, may_erase=True)
    scan(store)
    erasure_id = approved(database, store)
    workers.carry_out(database, "erasing", erasure_id)
    with database.writing() as session:
        assert resuming.resume(session) == 0, "the lock is not over"
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(days=41))
    # The server goes by its own clock: there the lock ends now.
    s3.put_object_retention(
        **key, BypassGovernanceRetention=True, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": now()}
    )
    with database.writing() as session:
        assert resuming.resume(session) == 1
    workers.carry_out(database, "erasing", erasure_id)
    with database.reading() as session:
        first, second = session.scalars(select(Certificate).order_by(Certificate.number))
        assert (first.kind, second.kind, second.supersedes) == ("partial", "full", first.id)
    assert "Versions" not in s3.list_object_versions(Bucket=lockable)


def test_a_legal_hold_has_no_day(raw: dict[str, Any], s3: Any, lockable: str) -> None:
    s3.put_object(Bucket=lockable, Key="in/a.jpg", Body=b"a", ObjectLockLegalHoldStatus="ON")
    connector = made(raw)
    with pytest.raises(Locked, match="until somebody lifts it") as caught:
        connector.erase_copy(connector.enumerate_copies("a.jpg")[0], digest(b"a"))
    assert caught.value.until is None


def test_a_long_bucket_is_listed_page_by_page_in_the_order_of_bytes(
    raw: dict[str, Any], s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{number}.jpg" for number in range(12)] + ["\uffff.jpg", "\U0001f600.jpg", "a/", "/erased/5", "a/../b"]
    for name in names:
        s3.put_object(Bucket=bucket, Key=f"in/{name}", Body=b"" if name == "a/" else b"x")
    s3.put_object(Bucket=bucket, Key="out/x.jpg", Body=b"x")
    real = s3_client.Bucket.call
    pages: list[int] = []

    def short(self: Any, operation: str, **parameters: Any) -> Any:
        pages.append(operation == "list_objects_v2")
        return real(self, operation, **parameters, **({"MaxKeys": 5} if operation == "list_objects_v2" else {}))

    monkeypatch.setattr(s3_client.Bucket, "call", short)
    listed = [found.key for found in made(raw).list()]
    assert listed == sorted(names[:14], key=str.encode)
    assert sum(pages) > 3


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"bucket": ""}, "which bucket"),
        ({"bucket": "a/b"}, "which bucket"),
        ({"bucket": "fast--use1-az4--x-s3"}, "directory bucket"),
        ({"secret": "x"}, "no setting called 'secret'"),
        ({"endpoint": "https://key:secret@s3.example.org"}, "access keys out"),
        ({"endpoint": "s3.example.org"}, "address without a path"),
        ({"addressing": "tunnel"}, "Addressing can be"),
    ],
)
def test_settings_that_are_wrong_are_named(raw: dict[str, Any], wrong: dict[str, str], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        RewritableS3.clean(raw | wrong)


def test_stores_share_objects_where_one_prefix_holds_the_other(raw: dict[str, Any]) -> None:
    one = RewritableS3.clean(raw)
    assert RewritableS3.overlap(one, RewritableS3.clean(raw | {"prefix": "in/side/"}))
    assert not RewritableS3.overlap(one, RewritableS3.clean(raw | {"prefix": "out/"}))
    assert not RewritableS3.overlap(one, RewritableS3.clean(raw | {"bucket": "another"}))


def test_no_access_keys_are_a_clear_error_and_keys_stand_nowhere(
    raw: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    made(raw).check()
    assert "testing-secret" not in caplog.text + repr(RewritableS3.clean(raw))
    with pytest.raises(StoreUnavailable) as caught:
        made(raw | {"profile": "nobody"}).check()
    assert caught.value.code == "no-credentials"


def test_a_bucket_without_the_right_to_delete(raw: dict[str, Any], s3: Any, bucket: str, endpoint: str) -> None:
    s3.put_object(Bucket=bucket, Key="in/a.jpg", Body=b"a")
    with troubled(endpoint) as (proxy, address):
        proxy.refuse = {"DELETE"}
        connector = made(raw | {"endpoint": address})
        check = connector.check()
        assert (check.readable, check.writable, check.erasable) == (True, True, False)
        assert any("s3:DeleteObject" in note and "left behind" in note for note in check.notes)
        with pytest.raises(StoreUnavailable, match="s3:DeleteObject"):
            connector.erase_copy("a.jpg", digest(b"a"))
        proxy.refuse = {"GET", "HEAD", "PUT", "DELETE"}
        with pytest.raises(StoreUnavailable, match="s3:ListBucket"):
            connector.check()
        with pytest.raises(StoreUnavailable, match="s3:ListBucket"):
            connector.open("a.jpg")
        proxy.refuse, proxy.moved_to = set(), "eu-west-3"
        with pytest.raises(StoreUnavailable, match="region eu-west-3"):
            connector.check()
    assert [found.key for found in made(raw).list()] == ["a.jpg"]


def test_what_may_not_be_deleted_is_never_verified(
    raw: dict[str, Any], s3: Any, versioned: str, endpoint: str, database: Database, scan: Callable[[Store], Scan]
) -> None:
    s3.put_object(Bucket=versioned, Key="in/a.jpg", Body=drawn_jpeg(1))
    with troubled(endpoint) as (proxy, address):
        with database.writing() as session:
            store = adding.add_store(session, "cloud", "s3", raw | {"endpoint": address}, may_erase=True)
        scan(store)
        erasure_id = approved(database, store)
        proxy.refuse = {"DELETE"}
        for _ in range(POISON):
            with database.writing() as session:
                session.get_one(Erasure, erasure_id).run_after = clock.now()
            workers.carry_out(database, "erasing", erasure_id)
    with database.reading() as session:
        erasure = session.get_one(Erasure, erasure_id)
        assert (erasure.state, erasure.work_state) == ("running", "failed"), "a person has to see to it"
        assert "s3:DeleteObject" in (erasure.problem or "")
        assert {item.state for item in erasure.items if item.kind == "image"} == {"intent"}
        assert session.scalars(select(Certificate)).all() == []
    assert len(s3.list_object_versions(Bucket=versioned)["Versions"]) == 1


PATTERNS = ["thumbs/{folder}/{stem}_*.jpg", "{folder}/{stem}.xmp"]


def test_what_was_made_of_a_photograph_goes_with_it(
    raw: dict[str, Any], s3: Any, versioned: str, database: Database, scan: Callable[[Store], Scan]
) -> None:
    others = ["in/a_2.jpg", "in/thumbs/a_2_9.jpg", "in/thumbs/b_1.jpg", "out/thumbs/a_1.jpg"]
    for number, key in enumerate(["in/a.jpg", "in/thumbs/a_1.jpg", *others]):
        picture = drawn_jpeg(number + 1)
        for _ in range(2):
            s3.put_object(Bucket=versioned, Key=key, Body=picture)
    s3.put_object(Bucket=versioned, Key="in/a.xmp", Body=b"<xmp>Anna</xmp>")
    with database.writing() as session:
        store = adding.add_store(session, "cloud", "s3", raw | {"copies": PATTERNS}, may_erase=True)
    scan(store)
    erasure_id = approved(database, store, ["a.jpg"])
    with database.reading() as session:
        items = session.scalars(select(ErasureItem).filter_by(erasure_id=erasure_id, kind="image")).all()
        assert len(items) == 3, "each of them is in the plan that was approved"
    workers.carry_out(database, "erasing", erasure_id)
    with database.reading() as session:
        ends = {(item.kind, item.state, item.note) for item in session.scalars(select(ErasureItem))}
        assert {state for _, state, _ in ends} == {"verified"}, ends
        assert session.scalars(select(Certificate)).one().kind == "full"
    left = s3.list_object_versions(Bucket=versioned)
    assert sorted({one["Key"] for one in left["Versions"]}) == others
    assert "DeleteMarkers" not in left


def test_copies_go_under_the_digests_that_they_have_now(raw: dict[str, Any], s3: Any, versioned: str) -> None:
    """As an order has it: too many to be approved one by one."""
    for body in (b"small", b"smaller"):
        s3.put_object(Bucket=versioned, Key="in/thumbs/a_1.jpg", Body=body)
    s3.put_object(Bucket=versioned, Key="in/a.xmp", Body=b"<xmp/>")
    s3.delete_object(Bucket=versioned, Key="in/a.xmp")
    s3.put_object(Bucket=versioned, Key="in/a.jpg", Body=b"a")
    connector = made(raw | {"copies": PATTERNS})
    assert isinstance(connector, Deriving)
    for ref, digest_now in connector.derived_copies("a.jpg").items():
        assert connector.erase_copy(ref, digest_now) in ("deleted", "already-absent")
    assert [one["Key"] for one in s3.list_object_versions(Bucket=versioned)["Versions"]] == ["in/a.jpg"]
    assert "DeleteMarkers" not in s3.list_object_versions(Bucket=versioned)


def test_a_copy_that_came_after_the_approval_is_not_called_gone(
    raw: dict[str, Any], s3: Any, versioned: str, database: Database, scan: Callable[[Store], Scan]
) -> None:
    s3.put_object(Bucket=versioned, Key="in/a.jpg", Body=drawn_jpeg(1))
    with database.writing() as session:
        store = adding.add_store(session, "cloud", "s3", raw | {"copies": PATTERNS}, may_erase=True)
    scan(store)
    erasure_id = approved(database, store)
    s3.put_object(Bucket=versioned, Key="in/thumbs/a_1.jpg", Body=drawn_jpeg(2))
    workers.carry_out(database, "erasing", erasure_id)
    with database.reading() as session:
        assert session.scalars(select(Certificate)).one().kind == "partial"
        item = session.scalars(select(ErasureItem).filter_by(erasure_id=erasure_id, kind="image")).one()
        assert (item.state, item.result) == ("refused", "copy-appeared")
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=versioned)["Contents"]] == ["in/thumbs/a_1.jpg"]


def test_a_pattern_that_would_list_the_whole_bucket_is_refused(raw: dict[str, Any]) -> None:
    for pattern in ("*/{name}", "[ab]/{stem}.jpg", "?{stem}.jpg"):
        with pytest.raises(BadInput, match="must begin with a name"):
            RewritableS3.clean(raw | {"copies": [pattern]})


def test_a_face_is_covered_and_no_older_version_shows_it(raw: dict[str, Any], s3: Any, versioned: str) -> None:
    key = {"Bucket": versioned, "Key": "in/a.jpg"}
    for body in (b"whole", b"another", b"whole"):
        s3.put_object(**key, Body=body, ContentType="image/jpeg", Metadata={"album": "2014"})
    connector = made(raw)
    assert isinstance(connector, Replacing)
    with pytest.raises(Conflict):
        connector.replace_copy("a.jpg", digest(b"other"), b"covered")
    with pytest.raises(NotFound):
        connector.replace_copy("none.jpg", digest(b"whole"), b"covered")
    assert connector.replace_copy("a.jpg", digest(b"whole"), b"covered") == "replaced"
    now = s3.get_object(**key)
    assert (now["Body"].read(), now["ContentType"], now["Metadata"]) == (b"covered", "image/jpeg", {"album": "2014"})
    left = [one["VersionId"] for one in s3.list_object_versions(Bucket=versioned)["Versions"]]
    assert {s3.get_object(**key, VersionId=one)["Body"].read() for one in left} == {b"covered", b"another"}
    with pytest.raises(NotAllowed):
        made(raw, may_erase=False).replace_copy("a.jpg", digest(b"covered"), b"x")


def test_a_replacing_that_was_killed_half_way_is_seen_and_brought_to_its_end(
    raw: dict[str, Any], s3: Any, versioned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.put_object(Bucket=versioned, Key="in/a.jpg", Body=b"whole")
    connector = made(raw)
    with monkeypatch.context() as patch:
        patch.setattr(RewritableS3, "erase_older", lambda *_: None)
        connector.replace_copy("a.jpg", digest(b"whole"), b"covered")
    assert connector.has_older("a.jpg", digest(b"whole"))
    for _ in range(2):
        connector.erase_older("a.jpg", digest(b"whole"))
        assert not connector.has_older("a.jpg", digest(b"whole"))
    assert connector.open("a.jpg") == b"covered"


def test_what_a_lock_keeps_is_not_replaced(raw: dict[str, Any], s3: Any, lockable: str) -> None:
    s3.put_object(Bucket=lockable, Key="in/a.jpg", Body=b"whole", ObjectLockLegalHoldStatus="ON")
    s3.put_object(Bucket=lockable, Key="in/a.jpg", Body=b"whole")
    with pytest.raises(Locked):
        made(raw).replace_copy("a.jpg", digest(b"whole"), b"covered")
    assert made(raw).open("a.jpg") == b"whole"


def test_what_is_too_large_is_not_read(
    raw: dict[str, Any], s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.stores.s3.LARGEST_OBJECT", 9)
    s3.put_object(Bucket=bucket, Key="in/a.jpg", Body=b"0123456789")
    with pytest.raises(TooLarge):
        made(raw).open("a.jpg")


def test_an_object_in_the_archive_is_that_object_s_problem(raw: dict[str, Any], s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="in/a.jpg", Body=b"a", StorageClass="GLACIER")
    with pytest.raises(ObjectUnreadable, match="InvalidObjectState"):
        made(raw).open("a.jpg")


def test_nothing_is_called_gone_that_is_there_and_a_bad_network_is_outlasted(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    buckets.be_impatient(monkeypatch)
    counts = buckets.erase_on_a_bad_network(endpoint, keys=2, share=0.3, seed=3)
    assert (counts["wrong_verified"], counts["verified"], counts["left"]) == (0, 2, 0)
    assert counts["faults"] > counts["requests"] / 10


def test_a_whole_bucket_of_versions_is_left_empty(endpoint: str) -> None:
    counts = buckets.erase_all_versions(endpoint, keys=5)
    assert counts == {"keys": 5, "versions": 15, "markers": 5, "uploads": 5, "verified": 5, "left": 0}


@pytest.mark.migrated
def test_a_bucket_is_added_from_the_command(
    raw: dict[str, Any], s3: Any, bucket: str, config: Config, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFACE_DATA", str(config.data))
    monkeypatch.setenv("EFFACE_REDIS_URL", config.redis_url)
    s3.put_object(Bucket=bucket, Key="in/a.jpg", Body=b"a")
    asked = ["store", "add", "cloud", "--s3", bucket, "--prefix", "in/", "--endpoint", raw["endpoint"], "--may-erase"]
    shown = CliRunner().invoke(efface, asked)
    assert shown.exit_code == 0, shown.output
    assert "For example: a.jpg" in shown.output
    with database.reading() as session:
        store = adding.find_store(session, "cloud")
        assert (store.kind, store.settings["bucket"], store.settings["addressing"]) == ("s3", bucket, "path")
