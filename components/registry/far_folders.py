"""Tagger folders on S3 (TIMBRE_MODELS=s3://bucket/prefix): sent as they are registered, fetched whole and checked when first needed."""

import shutil
import uuid
from pathlib import Path

from components.errors import RegistryError, S3Error
from components.registry import folders
from components.s3 import Remote


def send(folder: Path, sealed: folders.Sealed, remote: Remote) -> None:
    """Write a tagger folder to `<remote>/<digest>`; tagger.json goes last, which makes the folder count, and files that are there stay."""
    there = remote / sealed.digest
    held = there.sizes()
    for name in sorted(sealed.parts, key=lambda name: name == folders.TAGGER):
        mutable = name not in sealed.about.get("files", {}) and name != folders.TAGGER
        if mutable or held.get(name) != (folder / name).stat().st_size:
            there.put(name, folder / name)


def fetch(digest: str, root: Path, remote: Remote) -> Path | None:
    """Bring the tagger folder of a digest under the root; None where there is none.

    Raises:
        RegistryError: if what came is damaged.
        S3Error: if S3 refuses.
    """
    target, fresh = root / digest, root / f"{folders.INCOMING}{uuid.uuid4().hex}"
    root.mkdir(parents=True, exist_ok=True)
    there = remote / digest
    try:
        for name in (folders.TAGGER, folders.BESIDE):
            try:
                there.fetch(name, fresh / name)
            except S3Error as error:
                if error.kind != "missing":
                    raise
                if name == folders.TAGGER:
                    return None
        there.bring(sorted(set(folders.read(fresh).parts) - {folders.TAGGER, folders.BESIDE}), fresh)
        if wrong := folders.faults(fresh, digest):
            raise RegistryError(f"the tagger folder {there.address} is damaged: {'; '.join(wrong)}; register it again")
        with folders.alone(root):
            if target.exists():
                return target
            fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target


def digests(remote: Remote) -> list[str]:
    """Of the folders that are there."""
    names = (name.split("/") for name in remote.sizes())
    return sorted({parts[0] for parts in names if len(parts) == 2 and parts[1] == folders.TAGGER and folders.DIGEST.fullmatch(parts[0])})
