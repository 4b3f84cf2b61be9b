"""The connection to S3, one a process, and what its refusals mean."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from components.errors import S3Error

CONNECT_S, READ_S = 10, 60  # to connect, and between two packets
TRIES = 4
TOLD_BY = (
    "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "AWS_PROFILE",
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
)  # fmt: skip
UNKNOWN = frozenset({
    "ExpiredToken", "InvalidAccessKeyId", "InvalidSecurity", "InvalidToken", "SignatureDoesNotMatch", "TokenRefreshRequired",
})  # fmt: skip
DENIED = frozenset({"403", "AccessDenied", "AllAccessDisabled"})
ELSEWHERE = frozenset({"301", "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"})
FULL = frozenset({"507", "QuotaExceeded", "InsufficientCapacity", "XMinioStorageFull", "StorageFull"})
TAKEN = frozenset({"412", "PreconditionFailed", "ConditionalRequestConflict"})
UNABLE = frozenset({"501", "NotImplemented"})
NO_KEY = frozenset({"KeyTooLong", "KeyTooLongError", "InvalidObjectName", "XMinioInvalidObjectName"})

CLIENTS = ("aiobotocore.", "aiohttp.", "botocore.")

_lock = threading.Lock()
_connected: dict[tuple[object, ...], Any] = {}


def connection() -> Any:
    """The s3fs file system of this process and environment; each call of it is made anew, nothing is remembered.

    Raises:
        S3Error: if s3fs is not installed.
    """
    key = (os.getpid(), *(os.environ.get(name) for name in TOLD_BY))
    with _lock:
        if key not in _connected:
            _connected[key] = _connect()
        return _connected[key]


def _connect() -> Any:
    try:
        from aiobotocore.session import AioSession  # type: ignore[import-untyped]
        from botocore.handlers import add_expect_header  # type: ignore[import-untyped]
        from s3fs import S3FileSystem  # type: ignore[import-untyped]
    except ModuleNotFoundError:
        raise S3Error("s3:// needs s3fs: pip install 'timbre-audio[s3]'") from None
    session = AioSession()
    session.unregister("before-call.s3", add_expect_header)  # a write is not announced first, which would take its way twice
    fs = S3FileSystem(
        session=session,
        endpoint_url=os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"),
        config_kwargs={
            "connect_timeout": CONNECT_S,
            "read_timeout": READ_S,
            "retries": {"total_max_attempts": TRIES, "mode": "standard"},
            "max_pool_connections": 64,
            "request_checksum_calculation": "when_required",  # each object carries its sha256, see remote.py
        },
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    fs.retries = 1  # its own tries would multiply those above
    return fs


def broken() -> tuple[type[Exception], ...]:
    """What a server that is away, slow, cut off or no S3 at all comes out as."""
    from aiohttp import ClientError
    from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]
    from botocore.parsers import ResponseParserError  # type: ignore[import-untyped]

    return OSError, TimeoutError, ClientError, BotoCoreError, ResponseParserError


@contextmanager
def sentences(address: str) -> Iterator[None]:
    """Turns what S3 refuses into an S3Error about `address`."""
    try:
        yield
    except broken() as error:
        raise failure(error, address) from error
    except UnicodeEncodeError as error:  # of a name that is no text, before it is sent
        raise failure(error, address) from error


@contextmanager
def room(address: str, folder: str, variable: str) -> Iterator[None]:
    """Turns what this machine's disk refuses into an S3Error about `address`, which was to lie in `folder`."""
    try:
        yield
    except OSError as error:
        raise S3Error(f"cannot keep {address} in {folder} ({error.strerror or error}): free some space or set {variable}", "disk") from None


def refusal(error: BaseException | None) -> Exception | None:
    """The error, or the cause of it, that some other client of S3 raised because of an answer, or of none; None where there is none."""
    while error is not None:
        if isinstance(error, Exception) and (_is_told(error) or _is_told(error.__cause__)):
            return error
        error = error.__cause__
    return None


def _is_told(error: BaseException | None) -> bool:
    of_a_client = any(kind.__module__.startswith(CLIENTS) for kind in type(error).__mro__)
    return of_a_client or isinstance(getattr(error, "response", None), dict)


def failure(error: Exception, address: str) -> S3Error:
    """The sentence for an answer of S3; `kind` says whose fault it is."""
    cause = error if hasattr(error, "response") else error.__cause__
    response = getattr(cause, "response", None)
    response = response if isinstance(response, dict) else {}
    code = str(response.get("Error", {}).get("Code", ""))
    address = address.encode(errors="backslashreplace").decode()  # a name that is no text can be written nowhere
    bucket = address.removeprefix("s3://").split("/", 1)[0]
    said = str(error) if type(error).__name__ == "ParamValidationError" else ""
    if code == "InvalidBucketName" or "bucket name" in said:
        return S3Error(f"{bucket!r} is no name of a bucket: check how {address} is spelt", "bucket")
    if code in NO_KEY or "parameter Key" in said or isinstance(error, UnicodeEncodeError):
        return S3Error(f"{address} is no name of an object: after the bucket it needs 1 to 1,024 bytes of UTF-8", "name")
    if code == "RequestTimeTooSkewed":
        return S3Error(f"S3 refuses {address}, as the clock of this machine is not that of S3: set it", "credentials")
    if code in ELSEWHERE:
        return S3Error(f"the bucket {bucket} lies in another region: set AWS_DEFAULT_REGION to its own", "region")
    if code in UNKNOWN or type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError"):
        return S3Error(
            f"S3 does not know these credentials ({code or 'none are set'}): set AWS_ACCESS_KEY_ID and the others", "credentials"
        )
    if isinstance(error, PermissionError) or code in DENIED:
        return S3Error(f"S3 does not let these credentials at {address}: ask for the right to it, or check the bucket's name", "denied")
    if code == "NoSuchBucket":
        return S3Error(f"there is no bucket {bucket}: make it, or check its name", "bucket")
    if isinstance(error, FileNotFoundError):
        return S3Error(f"{address} is not on S3: check bucket and key", "missing")
    if code in TAKEN:
        return S3Error(f"{address} was written by another meanwhile: try again", "taken")
    if code in UNABLE:
        return S3Error(f"S3 cannot do what is asked of it for {address} ({code}): check AWS_ENDPOINT_URL", "unable")
    if code in FULL:
        return S3Error(f"S3 has no room left for {address}: free some, and run again; what was written is kept", "full")
    return S3Error(f"S3 gives no answer for {address} ({type(error).__name__}: {error}): check AWS_ENDPOINT_URL and try again", "away")
