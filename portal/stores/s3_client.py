"""The door to S3: settings, a client, and its errors said in sentences. Keys of objects never come into a sentence.

The access keys are never settings: boto3 finds them in the environment, in `~/.aws` (by the name of a profile) or on
the machine. What may pass by itself (throttling, timeouts, a broken answer) is tried a few times and then raised as
StoreUnavailable, so that the job tries again later.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NoReturn
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError, ProfileNotFound

from portal.errors import BadInput, NotFound, ObjectUnreadable, StoreForbids, StoreUnavailable

NAMES = ("bucket", "prefix", "endpoint", "region", "addressing", "profile")
ADDRESSING = ("auto", "path", "virtual")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
# Buckets of this kind list in no order, so that no scan could go on after a key.
UNORDERED = "--x-s3"
CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 5, 30, 4
CHUNK = 1024 * 1024

# The right that each call needs: what the operator has to look for in the bucket's policy.
RIGHTS = {
    "head_bucket": "s3:ListBucket",
    "list_objects_v2": "s3:ListBucket",
    "list_object_versions": "s3:ListBucketVersions",
    "list_multipart_uploads": "s3:ListBucketMultipartUploads",
    "list_parts": "s3:ListMultipartUploadParts",
    "get_object": "s3:GetObject (and s3:GetObjectVersion)",
    "head_object": "s3:GetObject (and s3:GetObjectVersion)",
    "put_object": "s3:PutObject",
    "delete_object": "s3:DeleteObject (and s3:DeleteObjectVersion)",
    "abort_multipart_upload": "s3:AbortMultipartUpload",
    "get_bucket_versioning": "s3:GetBucketVersioning",
    "get_object_lock_configuration": "s3:GetBucketObjectLockConfiguration",
}
MISSING = {"NoSuchKey", "NoSuchVersion", "NoSuchUpload", "404", "MethodNotAllowed", "405"}
NOT_OFFERED = {"NotImplemented", "501", "ObjectLockConfigurationNotFoundError"}
NO_KEYS = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "RequestTimeTooSkewed"}
ELSEWHERE = {"301", "307", "PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed"}
UNREADABLE = {"InvalidObjectState", "InvalidRequest", "KMS.DisabledException", "KMS.NotFoundException"}


class Missing(NotFound):
    """There is no such object, version or upload; whether the bucket is there is another question."""


class Forbidden(StoreForbids):
    """The bucket says 403."""


class NotOffered(StoreUnavailable):
    """This S3-compatible server, or this bucket, does not have such a thing."""

    code = "not-offered"


def checked_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as they are kept. Raises BadInput naming what is wrong. Nothing is asked of the network."""
    unknown = sorted(set(settings) - set(NAMES))
    if unknown:
        raise BadInput(f"An S3 store has no setting called {unknown[0]!r}.")
    kept = {name: str(settings.get(name) or "").strip() for name in NAMES}
    if not BUCKET.fullmatch(kept["bucket"]) or ".." in kept["bucket"]:
        raise BadInput("Say which bucket the photographs are in: 3 to 63 small letters, digits, dots and hyphens.")
    if kept["bucket"].endswith(UNORDERED):
        raise BadInput("A directory bucket does not list in order, so it cannot be a store. Choose another bucket.")
    if "\0" in kept["prefix"]:
        raise BadInput("The prefix holds a character that no key can have.")
    _check_endpoint(kept["endpoint"])
    kept["addressing"] = kept["addressing"] or ("path" if kept["endpoint"] else "auto")
    if kept["addressing"] not in ADDRESSING:
        raise BadInput(f"Addressing can be {', '.join(ADDRESSING)}, but not {kept['addressing']!r}.")
    return {**kept, "endpoint": kept["endpoint"].rstrip("/")}


def _check_endpoint(endpoint: str) -> None:
    if not endpoint:
        return
    try:
        parts = urlsplit(endpoint)
        told = (parts.username, parts.password, parts.port)
    except ValueError as problem:
        raise BadInput("This endpoint is not an address, such as https://s3.example.org.") from problem
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise BadInput("The endpoint is an address without a path, such as https://s3.example.org.")
    if told[0] is not None or told[1] is not None:
        raise BadInput(
            "Leave the access keys out of the endpoint: they would be shown. "
            "Put them into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or into a profile."
        )


class Bucket:
    """One bucket. `call` makes a request of S3 and gives its answer, or raises what the connectors' contract says."""

    def __init__(self, name: str, settings: Mapping[str, Any]) -> None:
        self.name = name
        self._settings = settings

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """One request. Raises Missing, Forbidden, NotOffered, ObjectUnreadable, StoreUnavailable."""
        with self._translated(operation):
            client = _client_of(self._settings)
            answer = getattr(client, operation)(Bucket=self._settings["bucket"], **parameters)
        if operation.startswith("list_") and "IsTruncated" not in answer:
            raise StoreUnavailable(f"The bucket of {self.name} gave half an answer.")
        return dict(answer)

    def chunks(self, body: Any) -> Iterator[bytes]:
        """The bytes of an answer, to their end. An answer that is cut off raises StoreUnavailable."""
        with self._translated("get_object"):
            yield from body.iter_chunks(CHUNK)

    @contextmanager
    def _translated(self, operation: str) -> Iterator[None]:
        try:
            yield
        except ClientError as problem:
            self._raise(operation, problem)
        except (NoCredentialsError, PartialCredentialsError, ProfileNotFound) as problem:
            raise StoreUnavailable(
                f"There are no access keys for {self.name}. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY where the "
                "portal runs, or name a profile that is there.",
                "no-credentials",
            ) from problem
        except (BotoCoreError, OSError, ValueError) as problem:
            # Their texts may hold addresses with keys of objects: the kind of problem is enough.
            raise StoreUnavailable(f"The bucket of {self.name} does not answer: {type(problem).__name__}.") from problem

    def _raise(self, operation: str, problem: ClientError) -> NoReturn:
        code = str(problem.response.get("Error", {}).get("Code", ""))
        status = problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in MISSING and operation != "head_bucket":
            raise Missing(f"This is not in {self.name} any more.") from problem
        if code in NOT_OFFERED:
            raise NotOffered(f"The server of {self.name} does not offer {operation}.") from problem
        if code in ELSEWHERE or status in (301, 307):
            region = _region_in(problem.response)
            said = f"in the region {region}" if region else "in another region"
            raise StoreUnavailable(
                f"The bucket of {self.name} is {said}. Set this region.", "other-region"
            ) from problem
        if code in NO_KEYS:
            raise Forbidden(f"The access keys for {self.name} are refused: {code}.") from problem
        if operation == "get_object" and code in UNREADABLE:
            raise ObjectUnreadable(f"This object cannot be read now: {code}.") from problem
        if status == 403:
            right = RIGHTS.get(operation, operation)
            raise Forbidden(f"The bucket of {self.name} refuses this: the right {right} is missing.") from problem
        if code in ("NoSuchBucket", "404"):
            raise StoreUnavailable(f"The bucket of {self.name} is not there.") from problem
        raise StoreUnavailable(f"The bucket of {self.name} cannot answer now: {code or status}.") from problem


def _region_in(response: Mapping[str, Any]) -> str:
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return str(headers.get("x-amz-bucket-region") or response.get("Error", {}).get("Region") or "")


def _client_of(settings: Mapping[str, Any]) -> Any:
    """A client may be shared by threads, but not by processes that were forked from one another."""
    wanted = tuple(settings.get(name) or "" for name in ("endpoint", "region", "addressing", "profile"))
    return _client(os.getpid(), ATTEMPTS, READ_SECONDS, *wanted)


@lru_cache(maxsize=32)
def _client(_process: int, attempts: int, seconds: float, endpoint: str, region: str, style: str, profile: str) -> Any:
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
        s3={"addressing_style": style},
        # Many compatible servers know none of the newer checksums; ours is the SHA-256 of what was read.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    session = boto3.Session(profile_name=profile or None, region_name=region or None)
    return session.client("s3", endpoint_url=endpoint or None, config=config)
