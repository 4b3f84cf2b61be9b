"""What a model has scored before: looked up by a file's path, size and time, or by its content. It lies on disk, not in memory."""

import sqlite3
import threading

from components.scoring.parts import FILES, Parts
from components.scoring.rows import File

TABLES = """
CREATE TABLE files (path TEXT, size INTEGER, modified_ns INTEGER, content BLOB, PRIMARY KEY (path, size, modified_ns)) WITHOUT ROWID;
CREATE TABLE contents (content BLOB PRIMARY KEY) WITHOUT ROWID;
"""
KNOWN = """
SELECT 1 FROM files JOIN contents USING (content) WHERE path = ? AND size = ? AND modified_ns = ?
"""


class Ledger:
    """Threads may share it. What failed before is not in it, so that it is tried again."""

    def __init__(self, parts: Parts) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect("", check_same_thread=False)  # a file without a name, which goes with the process
        self._database.executescript(TABLES)
        parts.bring(FILES)
        for batch, part in parts.names(FILES):
            self._take(parts, batch, part)

    def _take(self, parts: Parts, batch: str, part: str) -> None:
        table = parts.read(FILES, batch, part).to_pydict()
        columns = (table[name] for name in ("path", "size", "modified_ns", "content", "scored", "error"))
        heard = [row for row in zip(*columns, strict=True) if row[5] is None]
        with self._database:
            files = [(path, size, modified_ns, bytes.fromhex(content)) for path, size, modified_ns, content, _, _ in heard]
            self._database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", files)
            contents = [(bytes.fromhex(content),) for _, _, _, content, scored, _ in heard if scored]
            self._database.executemany("INSERT OR IGNORE INTO contents VALUES (?)", contents)

    def knows(self, file: File) -> bool:
        """Whether this very file was scored, as far as its name, size and time tell."""
        with self._lock:
            return file.size >= 0 and self._database.execute(KNOWN, file).fetchone() is not None

    def has(self, content: str) -> bool:
        """Whether a content was scored."""
        with self._lock:
            found = self._database.execute("SELECT 1 FROM contents WHERE content = ?", (bytes.fromhex(content),))
            return found.fetchone() is not None

    def claim(self, content: str) -> bool:
        """Count a content as scored; False where it is already."""
        with self._lock, self._database:
            return self._database.execute("INSERT OR IGNORE INTO contents VALUES (?)", (bytes.fromhex(content),)).rowcount == 1

    def close(self) -> None:
        self._database.close()
