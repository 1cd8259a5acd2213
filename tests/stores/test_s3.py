"""Buckets as stores, on a real S3 server: every version, marker and unfinished upload, locks, and a bad network."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from portal import clock
from portal.errors import BadInput, Conflict, NotFound, ObjectUnreadable, StoreUnavailable, TooLarge
from portal.stores import Locked, s3_client
from portal.stores.s3 import S3
from tests.stores.contract import ConnectorContract, Put, Take, digest
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


def made(settings: dict[str, Any], may_erase: bool = True) -> S3:
    return S3("cloud", S3.clean(settings), may_erase)


def empty(s3: Any, bucket: str) -> None:
    for one in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
        s3.delete_object(Bucket=bucket, Key=one["Key"])


class TestContract(ConnectorContract):
    @pytest.fixture
    def settings(self, raw: dict[str, Any]) -> dict[str, Any]:
        return raw

    @pytest.fixture
    def connector(self, raw: dict[str, Any]) -> S3:
        return made(raw)

    @pytest.fixture
    def locked(self, raw: dict[str, Any]) -> S3:
        return made(raw, may_erase=False)

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
    def test_keys_cannot_lead_out(self, connector: S3, key: str) -> None:
        """In a bucket slashes lead nowhere: only what a server in between could take for a folder is refused."""
        super().test_keys_cannot_lead_out(connector, key)
        for plain in ("/etc/passwd", "a//b", "a/"):
            with pytest.raises(NotFound):
                connector.open(plain)
