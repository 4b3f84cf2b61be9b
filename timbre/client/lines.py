"""The lines of a stream: clips, then how it ended."""

import json
from typing import Any, Generic, TypeVar

from timbre.client.answers import Clip
from timbre.client.calls import Call
from timbre.client.errors import NoAnswer, told

T = TypeVar("T")


class Lines(Generic[T]):
    """Reads line by line.

    Attributes:
        ended: whether the last line has come.
        result: what it says, read as the call wants it.
    """

    def __init__(self, call: Call[T]) -> None:
        self._call = call
        self.ended = False
        self.result: T | None = None

    def clip(self, line: str, request_id: str | None) -> Clip | None:
        """The clip of a line; None of the last one and of empty ones.

        Raises:
            ServiceError: if the line says that the service has failed.
        """
        if not line.strip():
            return None
        try:
            value: dict[str, Any] = json.loads(line)
            if isinstance(status := value.get("status"), str):
                if status != "done":
                    raise told(int(value.get("code", 500)), value.get("detail", "the service has failed"), request_id)
                self.ended, self.result = True, self._call.read(value)
                return None
            ((name, answer),) = value.items()
            return Clip.of(name, answer)
        except (TypeError, AttributeError, KeyError, json.JSONDecodeError):
            raise self.broken() from None

    def close(self) -> None:
        """Raise where the last line has not come."""
        if not self.ended:
            raise self.broken()

    def broken(self) -> NoAnswer:
        return NoAnswer("the stream broke off before its last line: the clips that came are good, the others are missing")
