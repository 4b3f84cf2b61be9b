"""Tells one store from another, so that a result of featurize is reused only where what it names still lies."""

import uuid
from pathlib import Path

from components.files import write_whole
from components.places import store_root
from components.s3 import Remote
from components.store.folder import far, sentences

ID = "id"


def identity(root: Path | None = None) -> str:
    """A name that a store gets once, and anew when views of it are forgotten.

    Args:
        root: of the store; TIMBRE_STORE by default.
    Raises:
        StoreError: if it has none yet and cannot be written.
    """
    file = _file(root)
    if remote := far(root):
        return _far_identity(remote)
    with sentences(file.parent):
        if not file.exists():
            write_whole(file, uuid.uuid4().hex.encode())
        return file.read_text()


def _far_identity(remote: Remote) -> str:
    if not remote.holds(ID):
        remote.put(ID, uuid.uuid4().hex.encode())
    return remote.read(ID).decode()


def renew(root: Path | None = None) -> None:
    """Take the name away; the next one who asks gives another."""
    _file(root).unlink(missing_ok=True)


def renew_far(store: Remote) -> None:
    """The same for a store on S3."""
    store.remove(ID)


def _file(root: Path | None) -> Path:
    return Path(root or store_root()).absolute() / ID
