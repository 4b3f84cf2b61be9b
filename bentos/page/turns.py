"""Which clip lies before which reviewer, so that no two people hear the same one.

A file a browser, in the folder that the service's processes share: what people see may come from any of these.
"""

import contextlib
import re
import time
from pathlib import Path

from bentos.page.clips import sweep
from components.locks import locked

HELD_S = 300  # after which a clip that lies before somebody is given to others
TOKEN = re.compile(r"[0-9a-f]{32}")
NOBODY = "nobody"  # all browsers that keep no cookie


class Turn:
    """What lies before one reviewer, and before the others.

    Args:
        folder: the service's, which is made where it is not there.
        reviewer: the cookie's value, whatever that is.
    """

    def __init__(self, folder: Path, reviewer: str) -> None:
        folder.mkdir(exist_ok=True)
        self._folder, self._own = folder, folder / (reviewer if TOKEN.fullmatch(reviewer) else NOBODY)

    def others(self) -> set[str]:
        """Contents that lie before others."""
        found = set()
        for path in self._folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if path != self._own and path.stat().st_mtime >= time.time() - HELD_S:
                    found.add(path.read_text())
        return found

    def take(self, content: str) -> bool:
        """Have a clip lie before the reviewer, in place of the last one; False where it lies before another."""
        with locked(self._folder):
            if content in self.others():
                return False
            sweep(self._folder, time.time() - HELD_S)
            self._own.write_text(content)
        return True

    def leave(self) -> None:
        """Give back what lies before the reviewer."""
        self._own.unlink(missing_ok=True)
