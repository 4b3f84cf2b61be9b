"""Tagger folders by digest (TIMBRE_MODELS): brought in whole or not at all, checked against the sha256 that they carry.

A tagger folder's digest is the sha256 of its tagger.json, which names the sha256 of each weight file; attachments.json does so for what
lies beside. Nothing in a folder is opened here other than these two JSON files.
"""

import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.errors import RegistryError
from components.locks import Turn, locked

DIGEST = re.compile(r"[0-9a-f]{64}")
TAGGER, BESIDE = "tagger.json", "attachments.json"
PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")  # a file's name in a tagger folder: no path, no hidden file
INCOMING = ".incoming-"
BLOCK = 2**20


@dataclass(frozen=True)
class Sealed:
    """What a tagger folder says of itself: digest, tagger.json, and the sha256 of every other file in it."""

    digest: str
    about: dict[str, Any]
    parts: dict[str, str]


def read(folder: Path) -> Sealed:
    """What the folder says of itself; its weight files are not looked at.

    Raises:
        RegistryError: if it is no tagger folder, or names files that could lie elsewhere.
    """
    raw = _bytes(folder, TAGGER)
    about = _mapping(raw, folder / TAGGER)
    own = {TAGGER: hashlib.sha256(raw).hexdigest(), **_listed(about.get("files"), folder / TAGGER, (TAGGER, BESIDE))}
    beside: dict[str, str] = {}
    if os.path.lexists(folder / BESIDE):
        raw = _bytes(folder, BESIDE)
        beside = {BESIDE: hashlib.sha256(raw).hexdigest(), **_listed(_mapping(raw, folder / BESIDE), folder / BESIDE, (*own, BESIDE))}
    return Sealed(own[TAGGER], about, own | beside)


def faults(folder: Path, digest: str) -> list[str]:
    """What is wrong with the tagger folder of a digest, one phrase a fault; [] where every file has the sha256 that is listed."""
    try:
        sealed = read(folder)
    except RegistryError as error:
        return [str(error)]
    if sealed.digest != digest:
        return [f"its tagger.json is that of tagger {sealed.digest[:8]}"]
    found = [fault for name, sha256 in sealed.parts.items() if (fault := _fault(folder / name, sha256))]
    strangers = sorted({path.name for path in folder.iterdir()} - set(sealed.parts))
    return found + [f"{name} is in no list" for name in strangers]


def bring_in(folder: Path, root: Path, keep: bool) -> Sealed:
    """Copy a tagger folder to `<root>/<digest>`; where it already lies there in good order, do nothing.

    Args:
        keep: leave a sound copy as it is, even where other attachments lie beside the tagger in `folder`.
    Raises:
        RegistryError: if a file is missing, is a link, or has another sha256 than listed; or if the root cannot be written.
    """
    sealed = read(folder)
    target = root / sealed.digest
    try:
        root.mkdir(parents=True, exist_ok=True)
        with alone(root) as sure:
            if sure:
                sweep(root)
            if not target.exists() or faults(target, sealed.digest) or not (keep or read(target).parts == sealed.parts):
                _copy(folder, sealed, target)
    except OSError as error:
        raise RegistryError(f"cannot keep the tagger {folder} in {root}: {error.strerror}; see TIMBRE_MODELS") from error
    return sealed


@contextmanager
def alone(root: Path) -> Iterator[bool]:
    """Take turns with the other processes that write under the root; False where its file system cannot lock."""
    with locked(root / ".lock") as turn:
        yield turn is Turn.OURS


def leftovers(root: Path) -> list[Path]:
    """Folders that a process left half-written when it was killed, if asked while `alone`."""
    return sorted(root.glob(f"{INCOMING}*"))


def sweep(root: Path) -> None:
    """Remove the leftovers; only while `alone`, since another process could be at work on them."""
    for path in leftovers(root):
        shutil.rmtree(path, ignore_errors=True)


def _copy(folder: Path, sealed: Sealed, target: Path) -> None:
    fresh, aside = (target.parent / f"{INCOMING}{uuid.uuid4().hex}" for _ in range(2))
    fresh.mkdir()
    try:
        for name, sha256 in sealed.parts.items():
            _copy_file(folder / name, fresh / name, sha256)
        _sync(fresh)
        if target.exists():
            target.rename(aside)
        fresh.rename(target)
        _sync(target.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(aside, ignore_errors=True)


def _copy_file(source: Path, target: Path, sha256: str) -> None:
    if source.is_symlink() or not source.is_file():
        raise RegistryError(f"{source} is missing or not a plain file: seal the tagger again")
    found = hashlib.sha256()
    with source.open("rb") as reader, target.open("xb") as writer:
        while block := reader.read(BLOCK):
            found.update(block)
            writer.write(block)
        writer.flush()
        os.fsync(writer.fileno())
    if found.hexdigest() != sha256:
        raise RegistryError(
            f"{source} is damaged: its sha256 is {found.hexdigest()[:8]} and not the listed {sha256[:8]}; seal the tagger again"
        )


def _fault(path: Path, sha256: str) -> str:
    if path.is_symlink() or not path.is_file():
        return f"{path.name} is missing"
    with path.open("rb") as reader:
        return "" if hashlib.file_digest(reader, "sha256").hexdigest() == sha256 else f"{path.name} has another sha256 than listed"


def _sync(folder: Path) -> None:
    """Make the folder's entries outlive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _bytes(folder: Path, name: str) -> bytes:
    path = folder / name
    if path.is_symlink() or not path.is_file():
        raise RegistryError(f"{folder} is not a tagger folder: {name} is {'no plain file' if os.path.lexists(path) else 'missing'}")
    try:
        return path.read_bytes()
    except OSError as error:
        raise RegistryError(f"cannot read {path}: {error.strerror}; see who may read it") from None


def _listed(listed: Any, where: Path, taken: tuple[str, ...]) -> dict[str, str]:
    """File name -> sha256; the names are plain, so none leads out of the folder, and none is listed elsewhere."""
    if not isinstance(listed, dict):
        raise RegistryError(f"{where} lists no files: seal the tagger again")
    for name, sha256 in listed.items():
        if not PLAIN.fullmatch(name) or name in taken or not DIGEST.fullmatch(str(sha256)):
            raise RegistryError(f"{where} lists {name!r} as a file with sha256 {sha256!r}: seal the tagger again")
    return dict(listed)


def _mapping(raw: bytes, where: Path) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except ValueError:
        raise RegistryError(f"{where} is not JSON: seal the tagger again") from None
    if not isinstance(value, dict):
        raise RegistryError(f"{where} holds a {type(value).__name__}, not named values: seal the tagger again")
    return value


def by_digest(root: Path) -> dict[str, Path]:
    """digest -> folder, of all that lie under the root."""
    return {path.name: path for path in sorted(root.glob("*")) if DIGEST.fullmatch(path.name) and path.is_dir()}
