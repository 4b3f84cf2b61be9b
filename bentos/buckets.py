"""Objects in S3 that a client names, read through s3fs; the buckets are on a list and the credentials in the environment."""

import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, Protocol

from bentos.roots import MOST_ENTRIES, too_large
from bentos.source_errors import SourceError, is_text, quoted

SCHEME = "s3://"
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
LONGEST_KEY = 1024  # bytes, S3's own
CONNECT_S, READ_S, WHOLE_S = 5, 15, 120  # to connect, between two packets, for one object
TRIES = 2
CHUNK = 1 << 20
# Where botocore finds credentials without reading files in a home folder or asking a cloud's metadata address.
CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
DENIED = frozenset({
    "403", "AccessDenied", "AllAccessDisabled", "AuthorizationHeaderMalformed", "ExpiredToken", "InvalidAccessKeyId", "InvalidSecurity",
    "InvalidToken", "RequestTimeTooSkewed", "SignatureDoesNotMatch", "TokenRefreshRequired",
})  # fmt: skip


class Writable(Protocol):
    """A file that is begun anew where a connection breaks."""

    def write(self, data: bytes, /) -> int: ...

    def seek(self, offset: int, /) -> int: ...

    def truncate(self) -> int: ...


class Buckets:
    """The buckets that may be read; connected when one is first asked for something, for use from any thread.

    s3fs's own calls tidy keys up and remember listings; these pass a key as it is, and ask each time.
    """

    def __init__(self, names: tuple[str, ...], environment: Mapping[str, str] = os.environ) -> None:
        self.names = names
        self._environment = environment
        self._lock = threading.Lock()

    def split(self, text: str) -> tuple[str, str]:
        """`s3://bucket/key` -> (bucket, key), the key as it is written; it is empty or ends in / where it is a prefix.

        Raises:
            SourceError: malformed; refused, if the bucket is not on the list.
        """
        bucket, slash, key = text.removeprefix(SCHEME).partition("/")
        if bucket and slash and not BUCKET.fullmatch(bucket):
            raise SourceError("malformed", f"{quoted(text)} names no bucket: a bucket's name is 3 to 63 of a-z, 0-9, - and .")
        if not bucket or not slash or not is_text(key) or len(key.encode()) > LONGEST_KEY:
            raise SourceError("malformed", f"{quoted(text)} names no object: write s3://bucket/key, or s3://bucket/folder/ for all in it")
        if not self.names:
            raise SourceError(
                "refused", f"{quoted(text)} is on S3, which this service does not read: its TIMBRE_S3_BUCKETS names no bucket"
            )
        if bucket not in self.names:
            raise SourceError("refused", f"{quoted(text)} is in a bucket that this service does not read: ask for it in TIMBRE_S3_BUCKETS")
        return bucket, key

    def size(self, bucket: str, key: str) -> int:
        """Bytes of an object, without reading it."""
        answer = self._asked(self._fs.call_s3, "head_object", bucket, key, Key=key)
        return int(answer["ContentLength"])

    def list(self, bucket: str, prefix: str) -> Iterator[tuple[str, int]]:
        """(key, bytes) of every object below a prefix, in S3's order; what only marks a folder is left out."""
        more: dict[str, str] = {}
        entries = 0
        while True:
            answer = self._asked(self._fs.call_s3, "list_objects_v2", bucket, prefix, Prefix=prefix, **more)
            for item in answer.get("Contents", ()):
                entries += 1
                if entries > MOST_ENTRIES:
                    shown = quoted(f"{SCHEME}{bucket}/{prefix}")
                    raise SourceError("too_large", f"{shown} holds more than {MOST_ENTRIES} objects: name a smaller one")
                if not item["Key"].endswith("/"):
                    yield item["Key"], int(item["Size"])
            if not answer.get("IsTruncated"):
                return
            more = {"ContinuationToken": answer["NextContinuationToken"]}

    def read(self, bucket: str, key: str, max_bytes: int, into: Writable, tell: Callable[[int], object] = int) -> None:
        """Write an object's content to a file, piece by piece; its size is checked before reading and while reading.

        Args:
            tell: given the size of each piece; what it raises ends the reading.
        Raises:
            SourceError: missing, too_large, denied or away.
        """
        from fsspec.asyn import sync  # type: ignore[import-untyped]

        text, deadline = f"{SCHEME}{bucket}/{key}", time.monotonic() + WHOLE_S
        for last in (False, True):
            answer = self._asked(self._fs.call_s3, "get_object", bucket, key, Key=key)
            announced = int(answer["ContentLength"])
            into.seek(0)
            into.truncate()
            pieces = self._pieces(answer["Body"], deadline)
            left = max_bytes - announced if announced > max_bytes else max_bytes
            try:
                while left >= 0 and (piece := next(pieces, b"")):
                    if (left := left - len(piece)) >= 0:
                        tell(len(piece))
                        into.write(piece)
            except _BrokenOffError as error:
                if last:
                    raise _failure(error.cause, text) from error.cause
                continue
            finally:
                sync(self._fs.loop, _close, answer["Body"])
            if left < 0:
                raise too_large(text, max(announced, max_bytes - left), max_bytes)
            return

    def _pieces(self, body: Any, deadline: float) -> Iterator[bytes]:
        from fsspec.asyn import sync

        try:
            while piece := sync(self._fs.loop, body.read, CHUNK, timeout=max(0.1, deadline - time.monotonic())):
                yield piece
        except self._broken as error:
            raise _BrokenOffError(error) from error

    def _asked(self, call: Callable[..., Any], method: str, bucket: str, key: str, **names: str) -> Any:
        try:
            return call(method, Bucket=bucket, **names)
        except self._broken as error:
            raise _failure(error, f"{SCHEME}{bucket}/{key}") from error

    @cached_property
    def _broken(self) -> tuple[type[Exception], ...]:
        """What a server that is away, slow or no S3 at all comes out as."""
        from aiohttp import ClientError
        from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]
        from botocore.parsers import ResponseParserError  # type: ignore[import-untyped]

        return OSError, TimeoutError, ClientError, BotoCoreError, ResponseParserError

    @property
    def _fs(self) -> Any:
        with self._lock:
            return self._connected

    @cached_property
    def _connected(self) -> Any:
        try:
            from s3fs import S3FileSystem  # type: ignore[import-untyped]
        except ModuleNotFoundError:
            raise SourceError("refused", "this service cannot read S3: it lacks s3fs (pip install 'timbre-audio[s3]')") from None
        if not any(self._environment.get(name) for name in CREDENTIALS):
            raise SourceError(
                "denied", "this service has no credentials for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY where it starts"
            )
        fs = S3FileSystem(
            key=self._environment.get("AWS_ACCESS_KEY_ID"),
            secret=self._environment.get("AWS_SECRET_ACCESS_KEY"),
            token=self._environment.get("AWS_SESSION_TOKEN"),
            endpoint_url=self._environment.get("AWS_ENDPOINT_URL_S3") or self._environment.get("AWS_ENDPOINT_URL"),
            config_kwargs={
                "connect_timeout": CONNECT_S,
                "read_timeout": READ_S,
                "retries": {"total_max_attempts": TRIES, "mode": "standard"},
            },
            use_listings_cache=False,
            skip_instance_cache=True,
        )
        fs.retries = TRIES
        return fs


class _BrokenOffError(Exception):
    """The connection broke while an object was read; what the reader of a piece itself raises is another matter."""

    def __init__(self, cause: Exception) -> None:
        super().__init__()
        self.cause = cause


async def _close(body: Any) -> None:
    body.close()  # on the loop that it belongs to


def _failure(error: Exception, text: str) -> SourceError:
    """What S3's answer means; its own words stay in the cause, for the log."""
    response = getattr(error.__cause__, "response", None) or {}
    code = str(response.get("Error", {}).get("Code", ""))
    if isinstance(error, PermissionError) or code in DENIED:
        return SourceError("denied", f"S3 does not let this service read {quoted(text)}: its credentials are wrong or may not")
    if isinstance(error, FileNotFoundError):
        return SourceError("missing", f"{quoted(text)} is not on S3: check bucket and key")
    return SourceError("away", f"S3 gave no answer for {quoted(text)}: try again in a moment")
