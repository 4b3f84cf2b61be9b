"""What a model has scored before: looked up by a file's path, size and time, or by its content. It lies on disk, not in memory."""

import sqlite3
import threading
from collections import defaultdict
from dataclasses import dataclass, field

from components.scoring.parts import FILES, SCORES, Parts
from components.scoring.rows import File

TABLES = """
CREATE TABLE files (
    path TEXT, size INTEGER, modified_ns INTEGER, content BLOB, place TEXT, PRIMARY KEY (path, size, modified_ns)
) WITHOUT ROWID;
CREATE TABLE contents (content BLOB PRIMARY KEY, place TEXT) WITHOUT ROWID;
CREATE TABLE failures (
    path TEXT, size INTEGER, modified_ns INTEGER, error TEXT, PRIMARY KEY (path, size, modified_ns, error)
) WITHOUT ROWID;
"""
KNOWN = """
SELECT 1 FROM files JOIN contents USING (content) WHERE path = ? AND size = ? AND modified_ns = ?
"""
LISTED = "SELECT 1 FROM failures WHERE path = ? AND size = ? AND modified_ns = ? AND error = ?"


@dataclass
class Doubled:
    """What a part has that one with an earlier name has too: contents that were scored, and files."""

    contents: set[str] = field(default_factory=set)
    files: set[tuple[str, int, int]] = field(default_factory=set)


class Ledger:
    """Threads may share it. What failed before counts as unknown, so that it is tried again. It is empty until it learns."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._learned, self._there = set[str](), set[str]()
        self._database = sqlite3.connect("", check_same_thread=False)  # a file without a name, which goes with the process
        self._database.executescript(TABLES)

    def learn(self, parts: Parts) -> dict[str, Doubled]:
        """Take in the parts that it does not know; what is doubled then, by the place (`batch/part`) that is to lose it."""
        doubled: dict[str, Doubled] = defaultdict(Doubled)
        parts.bring(FILES)
        self._there = {f"{batch}/{part}" for batch, part in parts.names(FILES)}
        for place in sorted(self._there - self._learned):
            self._take(parts, place, doubled)
            self._learned.add(place)
        return doubled

    def learn_broken_off(self, parts: Parts) -> None:
        """Count what the parts have scored that have no files; what another part has too stays that one's."""
        for batch, part in parts.broken_off():
            told = parts.read(SCORES, batch, part).select(["path", "size", "modified_ns", "content"]).to_pydict()
            files = [(*key, bytes.fromhex(content), f"{batch}/{part}") for *key, content in zip(*told.values(), strict=True)]
            with self._lock, self._database:
                self._database.executemany("INSERT OR IGNORE INTO files VALUES (?, ?, ?, ?, ?)", [row for row in files if row[1] >= 0])
                self._database.executemany("INSERT OR IGNORE INTO contents VALUES (?, ?)", [row[3:] for row in files])

    def _take(self, parts: Parts, place: str, doubled: dict[str, Doubled]) -> None:
        table = parts.read(FILES, *place.split("/")).to_pydict()
        columns = (table[name] for name in ("path", "size", "modified_ns", "content", "scored", "error"))
        heard = [row[:5] for row in zip(*columns, strict=True) if row[5] is None]
        files = [(path, size, modified_ns, bytes.fromhex(content), place) for path, size, modified_ns, content, _ in heard if size >= 0]
        contents = [(bytes.fromhex(content), place) for _, _, _, content, scored in heard if scored]
        failures = [row for row in zip(*(table[name] for name in ("path", "size", "modified_ns", "error")), strict=True) if row[3]]
        with self._lock, self._database:
            self._database.executemany("INSERT OR IGNORE INTO failures VALUES (?, ?, ?, ?)", failures)
            if self._database.executemany("INSERT OR IGNORE INTO files VALUES (?, ?, ?, ?, ?)", files).rowcount < len(files):
                for *key, content, _ in files:
                    if loser := self._loser("files", "path = ? AND size = ? AND modified_ns = ? AND content = ?", (*key, content), place):
                        doubled[loser].files.add((str(key[0]), int(key[1]), int(key[2])))
            if self._database.executemany("INSERT OR IGNORE INTO contents VALUES (?, ?)", contents).rowcount < len(contents):
                for content, _ in contents:
                    if loser := self._loser("contents", "content = ?", (content,), place):
                        doubled[loser].contents.add(content.hex())

    def _loser(self, table: str, where: str, key: tuple[object, ...], place: str) -> str | None:
        """Which of two places loses what both have; the earlier one keeps it. None where one alone has it, as the other was not written."""
        held = self._database.execute(f"SELECT place FROM {table} WHERE {where}", key).fetchone()  # noqa: S608 - names of ours
        if held is None or held[0] == place:
            return None
        first, last = sorted((str(held[0]), place)) if held[0] in self._there else (place, None)
        self._database.execute(f"UPDATE {table} SET place = ? WHERE {where}", (first, *key))  # noqa: S608 - likewise
        return last

    def knows(self, file: File) -> bool:
        """Whether this very file was scored, as far as its name, size and time tell."""
        with self._lock:
            return file.size >= 0 and self._database.execute(KNOWN, file).fetchone() is not None

    def has(self, content: str) -> bool:
        """Whether a content was scored."""
        with self._lock:
            found = self._database.execute("SELECT 1 FROM contents WHERE content = ?", (bytes.fromhex(content),))
            return found.fetchone() is not None

    def lists(self, file: File, error: str) -> bool:
        """Whether some part lists this very file with this reason why it could not be heard."""
        with self._lock:
            return self._database.execute(LISTED, (*file, error)).fetchone() is not None

    def claim(self, content: str, place: str) -> bool:
        """Count a content as scored in a place; False where it is already."""
        with self._lock, self._database:
            return self._database.execute("INSERT OR IGNORE INTO contents VALUES (?, ?)", (bytes.fromhex(content), place)).rowcount == 1

    def close(self) -> None:
        self._database.close()
