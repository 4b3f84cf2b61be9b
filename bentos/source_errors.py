"""Why a file that a client names is not read; plain Python, so that what finds files needs no web."""

import unicodedata
from typing import Literal

from components.errors import TimbreError

Kind = Literal["malformed", "missing", "too_large", "refused", "denied", "away", "full"]


class SourceError(TimbreError):
    """What a client named is not read; the sentence has no path of the server in it.

    Args:
        kind: `malformed` (400), `missing` (404: not there, or not the client's to see), `too_large` (413), `refused` (403: S3 is off, or
            the bucket is not one to read), `denied` (502: S3 does not take this service's credentials), `away` (503: S3 does not answer),
            `full` (503: there is no room for a copy).
    """

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind: Kind = kind


def quoted(text: str) -> str:
    """What a client wrote, as a sentence may repeat it."""
    return repr(text if len(text) <= 200 else f"{text[:200]}...").encode("utf-8", "backslashreplace").decode()


def is_text(text: str) -> bool:
    """Whether text can be a name: no control character and no half of a surrogate pair, which JSON can bring."""
    return text.isprintable() or not any(unicodedata.category(character) in ("Cc", "Cs") for character in text)
