"""Records as objects in S3, one each, put only where nothing is.

Object Lock in compliance mode makes them undeletable, by anybody, for so many days: the bucket must have been made with it.
Rights: `s3:PutObject`, with a lock also `s3:PutObjectRetention`; to read `s3:GetObject` and `s3:ListBucket`.
Source: S3 user guide, "Conditional writes" and "Object Lock".
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from seawall.errors import AuditConflict, InvalidInput
from seawall_ops.audit.records import Record, parse
from seawall_ops.clients import asking, client, code_of

__all__ = ["PREFIX", "S3Sink"]

PREFIX: Final = "seawall/audit/"  # of keys, where none is given
EXISTS: Final = "PreconditionFailed"  # an object is there
LOCK_MODE: Final = "COMPLIANCE"  # in governance mode whoever has the right may delete all the same


def _utc_now() -> datetime:
    return datetime.now(UTC)


class S3Sink:
    """A bucket, in a region that is not the one that fails.

    Args:
        bucket: Its name.
        region: Its region.
        prefix: Of every key; ends in a slash, or is empty.
        lock_days: Days for which Object Lock keeps each record; `None` asks for no lock of its own.
        s3: boto3's client; default one of the user's own credentials.
        now: The wall clock, for the lock.

    Raises:
        InvalidInput: The prefix does not end in a slash, or the lock is shorter than a day.
    """

    def __init__(
        self,
        bucket: str,
        *,
        region: str | None = None,
        prefix: str = PREFIX,
        lock_days: int | None = None,
        s3: Any = None,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        if prefix and not prefix.endswith("/"):
            raise InvalidInput("prefix", prefix, allowed="empty, or ending in a slash")
        if lock_days is not None and lock_days < 1:
            raise InvalidInput("lock_days", lock_days, allowed="at least 1 day")
        self._bucket: Final = bucket
        self._prefix: Final = prefix
        self._lock_days: Final = lock_days
        self._s3: Final = client("s3", region) if s3 is None else s3
        self._now: Final = now

    @property
    def name(self) -> str:
        """`s3://<bucket>/<prefix>`."""
        return f"s3://{self._bucket}/{self._prefix}"

    def put(self, record: Record) -> None:
        """Keep a record, where nothing is.

        Raises:
            AuditConflict: Another record is there.
            CloudUnavailable: S3 cannot be asked.
        """
        from botocore.exceptions import ClientError  # pyright: ignore[reportMissingTypeStubs]

        key = f"{self._prefix}{record.operation}/{record.chain}/{record.sequence:08}.json"
        with asking("s3 PutObject"):
            try:
                self._s3.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=record.line.encode(),
                    ContentType="application/json",
                    IfNoneMatch="*",
                    ChecksumAlgorithm="SHA256",  # Object Lock asks for a checksum
                    **self._lock(),
                )
            except ClientError as error:
                if code_of(error) != EXISTS:
                    raise
                if self._get(key) != record.line:
                    raise AuditConflict(self.name, f"{record.operation} {record.key}") from error

    def read(self, operation: str | None = None) -> Iterator[Record]:
        """The records of one operation, or of all.

        Raises:
            CloudUnavailable: S3 cannot be asked.
        """
        prefix = self._prefix if operation is None else f"{self._prefix}{operation}/"
        with asking("s3 ListObjectsV2"):
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            keys = [cast("str", one["Key"]) for page in pages for one in page.get("Contents", ())]
        for key in keys:
            record = parse(self._get(key))
            if record is not None:
                yield record

    def _get(self, key: str) -> str:
        with asking("s3 GetObject"):
            return cast("bytes", self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()).decode()

    def _lock(self) -> Mapping[str, object]:
        if self._lock_days is None:
            return {}
        until = self._now() + timedelta(days=self._lock_days)
        return {"ObjectLockMode": LOCK_MODE, "ObjectLockRetainUntilDate": until}
