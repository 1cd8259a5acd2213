"""Erasing from buckets, on a real S3 server: nothing is left of any version, and a bad network makes nobody lie."""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from typing import Any

import pytest

from portal.erasure import effects
from portal.errors import StoreUnavailable
from portal.stores import s3_client
from portal.stores.s3 import S3
from portal.tables import Store
from tests.stores.s3_server import REGION, client_at, server, set_keys, troubled

VERSIONS = 3
# A job that fails is tried again; here at once. With 30 % of the answers wrong, this many tries are never needed.
TRIES = 500
# Seconds: how long a slow answer takes, and how long it is waited for.
SLOW, PATIENCE = 0.6, 0.4


def measure_versions(keys: int) -> dict[str, Any]:
    """Figure: copies left of `keys` objects with 3 versions, a delete marker and an unfinished upload each."""
    with pytest.MonkeyPatch.context() as patch, server() as endpoint:
        set_keys(patch)
        counts = erase_all_versions(endpoint, keys)
    ok = counts["left"] == 0 and counts["verified"] == keys
    return {"name": "versions", "figure": counts["left"], "target": 0, "ok": ok, "counts": counts}


def measure_flaky(keys: int, share: float, seed: int = 1) -> dict[str, Any]:
    """Figure: objects that were called gone while something of them was there."""
    with pytest.MonkeyPatch.context() as patch, server() as endpoint:
        set_keys(patch)
        be_impatient(patch)
        counts = erase_on_a_bad_network(endpoint, keys, share, seed)
    ok = counts["wrong_verified"] == 0 and counts["verified"] == keys and counts["left"] == 0
    return {"name": "flaky-store", "figure": counts["wrong_verified"], "target": 0, "ok": ok, "counts": counts}


def be_impatient(patch: pytest.MonkeyPatch) -> None:
    """Give up soon, and try again at once."""
    patch.setattr(s3_client, "ATTEMPTS", 4)
    patch.setattr(s3_client, "READ_SECONDS", PATIENCE)
    patch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)


def erase_all_versions(endpoint: str, keys: int) -> dict[str, int]:
    """Fill a bucket, erase everything in it, count what is left by listing it past the connector."""
    client, bucket = client_at(endpoint), _filled(endpoint, keys)
    before = _copies(client, bucket)
    store = _store(endpoint, bucket)
    verified = 0
    for number in range(keys):
        effects.erase_in_store(store, _facts(number))
        verified += _is_gone(store, number)
    versions, markers, uploads = (len(each) for each in before)
    left = sum(len(each) for each in _copies(client, bucket))
    counts = {"keys": keys, "versions": versions, "markers": markers, "uploads": uploads}
    return {**counts, "verified": verified, "left": left}


def erase_on_a_bad_network(endpoint: str, keys: int, share: float, seed: int) -> dict[str, int]:
    """Erase and look again as the worker does, until every object was seen to be gone; each verdict is checked."""
    client, bucket = client_at(endpoint), _filled(endpoint, keys)
    counts = {"keys": keys, "verified": 0, "wrong_verified": 0, "tries": 0}
    with troubled(endpoint, share, seed, slow=SLOW) as (proxy, address):
        store = _store(address, bucket)
        for number in range(keys):
            for _ in range(TRIES):
                counts["tries"] += 1
                with suppress(StoreUnavailable):
                    effects.erase_in_store(store, _facts(number))
                # Looked at even where erasing failed: a bad answer about what is there must not read as gone.
                with suppress(StoreUnavailable):
                    if _is_gone(store, number):
                        counts["verified"] += 1
                        counts["wrong_verified"] += bool(_left_of(client, bucket, number))
                        break
        counts |= {"requests": proxy.requests, "faults": proxy.faults}
    return {**counts, "left": sum(len(each) for each in _copies(client, bucket))}


def _filled(endpoint: str, keys: int) -> str:
    client, bucket = client_at(endpoint), f"experiment-{secrets.token_hex(4)}"
    client.create_bucket(Bucket=bucket)
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for number in range(keys):
        key = _key(number)
        for _ in range(VERSIONS):
            client.put_object(Bucket=bucket, Key=key, Body=_data(number))
        client.delete_object(Bucket=bucket, Key=key)
        client.create_multipart_upload(Bucket=bucket, Key=key)
    return bucket


def _store(endpoint: str, bucket: str) -> Store:
    settings = S3.clean({"bucket": bucket, "endpoint": endpoint, "region": REGION})
    return Store(name="cloud", kind="s3", settings=settings, may_erase=True)


def _is_gone(store: Store, number: int) -> bool:
    seen = effects.seen_in_store(store, _facts(number))
    return bool(seen) and set(seen) == {"absent"}


def _left_of(client: Any, bucket: str, number: int) -> list[str]:
    return [key for each in _copies(client, bucket, _key(number)) for key in each]


def _copies(client: Any, bucket: str, prefix: str = "") -> tuple[list[str], list[str], list[str]]:
    """Keys of all (versions, delete markers, unfinished uploads) in the bucket, each once for each copy."""
    pages = list(client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix))
    uploads = client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix)
    return (
        [one["Key"] for page in pages for one in page.get("Versions", [])],
        [one["Key"] for page in pages for one in page.get("DeleteMarkers", [])],
        [one["Key"] for page in uploads for one in page.get("Uploads", [])],
    )


def _key(number: int) -> str:
    return f"{number:06}.jpg"


def _data(number: int) -> bytes:
    return b"photograph %d " % number * 200


def _facts(number: int) -> dict[str, Any]:
    return {"key": _key(number), "digest": hashlib.sha256(_data(number)).hexdigest()}
