"""A prefix on S3 as a place for files: written whole, read whole, checked against the sha256 that they were written with."""

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import IO, Any, NamedTuple

from components.errors import S3Error
from components.files import whole_file
from components.places import stand_ins
from components.progress import Progress, quiet
from components.s3.connect import TRIES, broken, connection, failure, room, sentences

SCHEME = "s3://"
AT_ONCE = 16  # transfers: enough to hide some 30 ms of latency behind each other
CHUNK = 4 * 2**20  # bytes of an object on their way from its connection to whom it is read for
PAGE = 1000  # names of a listing, S3's most
IN_MEMORY = 16 * 2**20  # bytes of an object that are not put on disk
_SHA256 = "timbre-sha256"


def is_remote(text: str | os.PathLike[str]) -> bool:
    """Whether this is an `s3://` address."""
    return str(text).startswith(SCHEME)


def address_of(path: str | Path) -> str | None:
    """The `s3://` address that this is, or that a path stands for (`places.stand_ins`); None for any other."""
    text = str(path)
    if text.startswith(SCHEME):
        return text
    root = f"{stand_ins('')}{os.sep}"
    return SCHEME + text.removeprefix(root).replace(os.sep, "/") if text.startswith(root) else None


class Object(NamedTuple):
    """What a listing says of an object: bytes, when it was written in seconds since 1970, and the tag that each content has anew."""

    size: int
    written_s: float
    tag: str


class Fetched(tempfile.SpooledTemporaryFile[bytes]):
    """An object's content as a file that can be rewound; a large one lies on disk. `name` is its address."""

    def __init__(self, address: str) -> None:
        super().__init__(max_size=IN_MEMORY)
        self._address = address

    @property
    def name(self) -> str:
        return self._address


@dataclass(frozen=True)
class Remote:
    """A prefix in a bucket; names are relative to it, with / between folders.

    Every method raises S3Error with a sentence that tells wrong credentials, a missing bucket, another region and no answer apart.
    """

    address: str

    @classmethod
    def of(cls, text: str) -> "Remote":
        """`s3://bucket/prefix`, with or without a slash at its end.

        Raises:
            S3Error: if it names no bucket.
        """
        if not text.removeprefix(SCHEME).split("/", 1)[0]:
            raise S3Error(f"{text} names no bucket: write s3://bucket or s3://bucket/prefix", "bucket")
        return cls(text.rstrip("/"))

    @property
    def bucket(self) -> str:
        return self.address.removeprefix(SCHEME).split("/", 1)[0]

    @property
    def prefix(self) -> str:
        """The key's part, without slashes around it; empty for a whole bucket."""
        return self.address.removeprefix(SCHEME).partition("/")[2]

    def __truediv__(self, name: str) -> "Remote":
        return Remote(f"{self.address}/{name}")

    def objects(self, under: str = "") -> dict[str, Object]:
        """name -> what is listed of every object below, or below the folder `under`, which names then include; no marks of folders."""
        skip = len(self._below())
        return {key[skip:]: found for key, found in self._listed(self._below(under)) if not key.endswith("/")}

    def sizes(self, under: str = "") -> dict[str, int]:
        """name -> bytes of the same."""
        return {name: found.size for name, found in self.objects(under).items()}

    def objects_after(self, name: str) -> Iterator[tuple[str, Object]]:
        """(name, what is listed) of the objects below that come after a name, in the order of their names, listed a page at a time."""
        start = self._below()
        return ((key.removeprefix(start), found) for key, found in self._listed(start, StartAfter=start + name))

    def holds_any(self) -> bool:
        """Whether there is an object below; marks of folders are none."""
        return any(not key.endswith("/") for key, _ in self._listed(self._below()))

    def holds(self, name: str) -> bool:
        """Whether there is an object of this name."""
        return self.look(name) is not None

    def size(self, name: str) -> int | None:
        """Bytes of an object; None where there is none."""
        return found.size if (found := self.look(name)) else None

    def tag(self, name: str) -> str | None:
        """What each content of an object has anew; None where there is no object."""
        return found.tag if (found := self.look(name)) else None

    def look(self, name: str) -> Object | None:
        """What a listing says of an object; None where there is none."""
        found = self._head(name)
        return Object(int(found["ContentLength"]), found["LastModified"].timestamp(), found["ETag"]) if found else None

    def objects_beside(self, most_pages: int) -> dict[str, Object]:
        """name -> what is listed of the objects right below, in no folder, up to as many pages of PAGE names."""
        skip = len(self._below())
        return {key[skip:]: found for key, found in self._listed(self._below(), most_pages, Delimiter="/")}

    def put(self, name: str, content: bytes | Path) -> None:
        """Write an object, whole or not at all, from bytes or a file."""
        body = content if isinstance(content, bytes) else content.read_bytes()  # bytes, as another try begins anew
        self._call("put_object", name, Body=body, Metadata={_SHA256: hashlib.sha256(body).hexdigest()})

    def swap(self, name: str, content: bytes, tag: str | None, *, looked: bool = False) -> str | None:
        """Write an object if what lies there has this tag, or nothing lies there where it is None; its new tag, or None if it is not so.

        Of two at once one writes. A server that knows no such condition may let both. What was `looked` at just now is not again.
        """
        if not looked and self.tag(name) != tag:
            return None
        sha256 = hashlib.sha256(content).hexdigest()
        said: dict[str, Any] = {"Body": content, "Metadata": {_SHA256: sha256}}
        try:
            answer = self._call("put_object", name, **said, **({"IfMatch": tag} if tag else {"IfNoneMatch": "*"}))
        except S3Error as error:
            if error.kind == "unable":
                return str(self._call("put_object", name, **said)["ETag"])
            if error.kind not in ("taken", "missing"):
                raise
            answer = self._head(name)  # an earlier try may have written, whose answer was lost
            if not answer or answer["Metadata"].get(_SHA256) != sha256:
                return None
        return str(answer["ETag"])

    def read(self, name: str = "", max_bytes: int | None = None) -> bytes:
        """An object's content; without a name, of the object at this address itself.

        Args:
            max_bytes: that it may have at most.
        """
        with self.open(name, max_bytes) as file:
            return file.read()

    def open(self, name: str = "", max_bytes: int | None = None) -> Fetched:
        """An object's content as a file, which the caller closes; its arguments are those of `read`."""
        file = Fetched(f"{self.address}/{name}" if name else self.address)
        try:
            with room(file.name, tempfile.gettempdir(), "TMPDIR"):
                self._copy(name, file, max_bytes)
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return file

    def fetch(self, name: str, path: Path) -> Path:
        """Bring an object to a file, which appears whole or not at all."""
        with room(f"{self.address}/{name}", str(path.parent), "TIMBRE_MIRROR"), whole_file(path) as file:
            self._copy(name, file)
        return path

    def bring(self, names: Iterable[str], folder: Path, what: str = "", progress: Progress = quiet) -> None:
        """Bring objects to files of the same names under a folder, many at a time."""
        names = list(names)
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="s3") as pool:
            done = pool.map(lambda name: self.fetch(name, folder / name), names)
            for _ in progress(done, what, len(names)):
                pass

    def remove(self, name: str) -> None:
        """Remove an object; it may be gone already."""
        self._call("delete_object", name)

    def check(self) -> None:
        """Ask for one name below: what is wrong with credentials, bucket or address is said now."""
        self._ask("list_objects_v2", MaxKeys=1, Prefix=self._below())

    def key(self, name: str) -> str:
        return "/".join(part for part in (self.prefix, name) if part)

    def _below(self, under: str = "") -> str:
        """What all keys below begin with; empty for a whole bucket."""
        start = "/".join(part for part in (self.prefix, under.strip("/")) if part)
        return f"{start}/" if start else ""

    def _listed(self, start: str, most_pages: int | None = None, **more: str) -> Iterator[tuple[str, Object]]:
        for page in count(1):
            answer = self._ask("list_objects_v2", Prefix=start, MaxKeys=PAGE, **more)
            for item in answer.get("Contents", ()):
                yield item["Key"], Object(int(item["Size"]), item["LastModified"].timestamp(), item["ETag"])
            if not answer.get("IsTruncated") or page == most_pages:
                return
            more["ContinuationToken"] = answer["NextContinuationToken"]

    def _copy(self, name: str, file: IO[bytes], max_bytes: int | None = None) -> None:
        """An object's content into a file, begun anew each time that it comes cut off or damaged."""
        for last in (False,) * (TRIES - 1) + (True,):
            file.seek(0)
            file.truncate()
            if self._stream(name, file.write, last, max_bytes):
                return

    def _stream(self, name: str, take: Callable[[bytes], object], last: bool, max_bytes: int | None) -> bool:
        """Hand the pieces of an object on; False where the connection broke and it may be tried again."""
        from fsspec.asyn import sync  # type: ignore[import-untyped]

        address = f"{self.address}/{name}" if name else self.address
        with sentences(address):
            fs = connection()
            answer, first = sync(fs.loop, _begin, fs, {"Bucket": self.bucket, "Key": self.key(name)})
        body = answer["Body"]
        expected, size = answer.get("Metadata", {}).get(_SHA256), int(answer["ContentLength"])
        found = hashlib.sha256() if expected else None
        read = 0
        try:
            if max_bytes is not None and size > max_bytes:
                raise S3Error(f"{address} has {size / 2**20:.1f} MiB, more than the {max_bytes / 2**20:.1f} MiB that may be read", "large")
            while read < size:
                try:
                    piece = sync(fs.loop, _piece, body) if read else first.result()
                except broken() as error:
                    if last:
                        raise failure(error, address) from error
                    return False
                if not piece:
                    break
                if found:
                    found.update(piece)
                read += len(piece)
                take(piece)
        finally:
            if read < size:
                sync(fs.loop, _close, body)
        if read == size and (found is None or found.hexdigest() == expected):
            return True
        if last:
            raise S3Error(f"{address} came damaged {TRIES} times: write it again", "damaged")
        return False

    def _head(self, name: str) -> Any:
        """What is said of an object; None where there is none."""
        try:
            return self._call("head_object", name)
        except S3Error as error:
            if error.kind == "missing":
                return None
            raise

    def _call(self, method: str, name: str, **more: Any) -> Any:
        return self._ask(method, name, Key=self.key(name), **more)

    def _ask(self, method: str, name: str = "", /, **more: Any) -> Any:
        with sentences(f"{self.address}/{name}" if name else self.address):
            return connection().call_s3(method, Bucket=self.bucket, **more)


async def _begin(fs: Any, wanted: dict[str, str]) -> tuple[Any, "asyncio.Future[bytes]"]:
    """An object's answer with what came of its first piece: one way between a thread and the connection's loop for a small object."""
    answer = await fs._call_s3("get_object", **wanted)
    first = asyncio.ensure_future(_piece(answer["Body"]))
    await asyncio.wait([first])
    return answer, first


async def _piece(body: Any) -> bytes:
    """CHUNK bytes, or what is left."""
    pieces, missing = list[bytes](), CHUNK
    while missing and (piece := await body.read(missing)):
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


async def _close(body: Any) -> None:
    body.close()  # on the loop that it belongs to
