"""A downloader for pooch that goes on where a broken download stopped (HTTP Range, RFC 9110 section 14)."""

import logging
import math
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.errors import DataError
from components.progress import Progress, quiet

if TYPE_CHECKING:
    import requests

CHUNK_BYTES = 2**20
TIMEOUT_S = (15, 60)
_PASSING = {408, 425, 429, 500, 502, 503, 504}

log = logging.getLogger(__name__)


class ResumingDownloader:
    """Keeps what has come in a file of its own, which pooch does not delete, and asks for the rest.

    Args:
        partial: that file; it is gone once the download is whole.
        attempts: connections tried without a byte of progress before giving up.
        pause_s: before the second attempt; doubled before each further one.
    """

    def __init__(self, partial: Path, progress: Progress = quiet, attempts: int = 5, pause_s: float = 1.0) -> None:
        self.partial, self.progress, self.attempts, self.pause_s = partial, progress, attempts, pause_s

    def __call__(self, url: str, output_file: str, pooch: Any, check_only: bool = False) -> None:
        """Download `url` to `output_file`.

        Raises:
            DataError: if the server refuses or cannot be reached; what has come is kept for the next call.
        """
        import requests

        self.partial.parent.mkdir(parents=True, exist_ok=True)
        failures = 0
        while True:
            before = self._size()
            try:
                if self._go_on(url):
                    break
                reason = "it broke off"
            except requests.RequestException as error:
                reason = f"{type(error).__name__}"
            failures = 1 if self._size() > before else failures + 1
            if failures >= self.attempts:
                raise DataError(f"cannot download {url}: {reason} after {self._size()} bytes, which are kept: try again to go on")
            log.info("%s after %d bytes: going on", reason, self._size())
            time.sleep(self.pause_s * 2 ** (failures - 1))
        self.partial.replace(output_file)

    def _size(self) -> int:
        return self.partial.stat().st_size if self.partial.exists() else 0

    def _go_on(self, url: str) -> bool:
        """Ask for what is missing; whether all of it has come."""
        import requests

        size = self._size()
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={size}-"} if size else {})
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
            if response.status_code == 416:
                return self._is_whole(response, size)
            if response.status_code in _PASSING:
                return False
            if response.status_code >= 400:
                raise DataError(f"{url} answers {response.status_code} {response.reason}: check the address, or name a mirror")
            resumed = response.status_code == 206 and _starts_at(response, size)
            total = self._append(response, size if resumed else 0, url)
        return total is None or self._size() == total

    def _append(self, response: "requests.Response", start: int, url: str) -> int | None:
        """Write what comes after `start` bytes; the size of the whole, None where the server does not tell."""
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        chunks = math.ceil((total - start) / CHUNK_BYTES) if total else 0
        with self.partial.open("ab" if start else "wb") as file:
            for chunk in self.progress(response.iter_content(CHUNK_BYTES), f"{url.split('?')[0].rsplit('/', 1)[-1]} (MiB)", chunks):
                file.write(chunk)
        return total

    def _is_whole(self, response: "requests.Response", size: int) -> bool:
        """The server has nothing after `size` bytes: all is here, or what is here is not the server's file and is dropped."""
        if response.headers.get("Content-Range") == f"bytes */{size}":
            return True
        self.partial.unlink()
        return False


def _starts_at(response: "requests.Response", size: int) -> bool:
    return bool(re.match(rf"bytes {size}-", response.headers.get("Content-Range", "")))
