"""Tagger folders on S3 (TIMBRE_MODELS=s3://bucket/prefix): sent as they are registered, fetched whole and checked when first needed."""

import hashlib
import json
import shutil
import uuid
from collections.abc import Set
from pathlib import Path

from components.errors import RegistryError, S3Error
from components.registry import folders
from components.registry.errors import LostFolder
from components.s3 import Remote


def send(folder: Path, remote: Remote, keep: bool) -> None:
    """Write a tagger folder to `<remote>/<digest>`; each list goes after what it lists, tagger.json last, which makes the folder count.

    Weight files that are there stay.

    Args:
        keep: leave sound attachments of a tagger that counts there as they are, even where others lie in `folder`.
    """
    sealed = folders.read(folder)
    there = remote / sealed.digest
    held = there.sizes()
    own = {folders.TAGGER, *sealed.about["files"]}
    keep = keep and folders.TAGGER in held and _are_sound(there, held.keys() - own)
    for name in sorted(sealed.parts, key=lambda name: (name == folders.TAGGER, name == folders.BESIDE)):
        if held.get(name) != (folder / name).stat().st_size if name in own else not keep:
            there.put(name, folder / name)


def _are_sound(there: Remote, attachments: Set[str]) -> bool:
    """Whether these, which lie there, are those that are listed there."""
    try:
        listed = json.loads(there.read(folders.BESIDE)) if folders.BESIDE in attachments else {}
        return set(listed) == attachments - {folders.BESIDE} and all(
            hashlib.sha256(there.read(name)).hexdigest() == sha256 for name, sha256 in listed.items()
        )
    except S3Error as error:
        if error.kind not in ("missing", "damaged"):
            raise
    except (ValueError, TypeError, AttributeError):  # a list that is damaged
        pass
    return False


def fetch(digest: str, root: Path, remote: Remote) -> Path | None:
    """Bring the tagger folder of a digest under the root; None where there is none.

    Raises:
        LostFolder: if what came is damaged, or the root cannot be written.
        S3Error: if S3 refuses.
    """
    target, fresh = root / digest, root / f"{folders.INCOMING}{uuid.uuid4().hex}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        with folders.alone(root):  # all the while: who is alone sweeps what comes in, and who waited finds it here
            if target.exists():
                return target
            if not _download(digest, fresh, remote / digest):
                return None
            if not target.exists():  # where nothing can lock
                fresh.rename(target)
    except OSError as error:
        raise LostFolder(f"cannot keep the tagger {digest[:8]} in {root}: {error.strerror}; see TIMBRE_MIRROR") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target


def _download(digest: str, fresh: Path, there: Remote) -> bool:
    """False where there is none."""
    for name in (folders.TAGGER, folders.BESIDE):
        try:
            there.fetch(name, fresh / name)
        except S3Error as error:
            if error.kind != "missing":
                raise
            if name == folders.TAGGER:
                return False
    try:
        listed = set(folders.read(fresh).parts)
    except RegistryError as error:
        said = str(error).replace(str(fresh), there.address)
        raise LostFolder(f"the tagger folder {there.address} is damaged: {said}") from None
    there.bring(sorted(listed - {folders.TAGGER, folders.BESIDE}), fresh)
    if wrong := folders.faults(fresh, digest):
        raise LostFolder(f"the tagger folder {there.address} is damaged: {'; '.join(wrong)}; register it again")
    return True


def digests(remote: Remote) -> list[str]:
    """Of the folders that are there."""
    names = (name.split("/") for name in remote.sizes())
    return sorted({parts[0] for parts in names if len(parts) == 2 and parts[1] == folders.TAGGER and folders.DIGEST.fullmatch(parts[0])})
