"""The tagger folder: sealed whole, checked byte by byte when it is opened, attachments beside the digest."""

import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import TaggerError
from components.tagger.settings import TaggerJson, TaggerSettings, parse, read_json, write_json

if TYPE_CHECKING:
    from torch import nn

JSON, WEIGHTS, ONNX, ATTACHMENTS = "tagger.json", "model.safetensors", "model.onnx", "attachments.json"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_OURS = {JSON, WEIGHTS, ONNX, ATTACHMENTS}


@dataclass(frozen=True)
class Sealed:
    """A folder that was found to be whole: its settings, digest and weight files' bytes."""

    settings: TaggerJson
    digest: str
    files: dict[str, bytes]


def seal(folder: str | Path, network: "nn.Module", settings: TaggerSettings, onnx: bytes | None = None) -> Path:
    """Write a tagger folder; it appears whole or not at all.

    Args:
        folder: where; it must not exist yet.
        network: its weights and buffers are written as they are.
        onnx: the exported network (`export_onnx`), where there is one.
    Raises:
        TaggerError: if the folder exists.
    """
    folder = Path(folder)
    if folder.exists():
        raise TaggerError(f"{folder} exists: a sealed tagger is never changed, so name a new folder")
    from safetensors.torch import save

    tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in network.state_dict().items()}
    files = {WEIGHTS: save(tensors), **({ONNX: onnx} if onnx is not None else {})}
    written = TaggerJson.model_validate({**dict(settings), "files": {name: sha256(data) for name, data in files.items()}})
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
    try:
        for name, data in {**files, JSON: write_json(written)}.items():
            (beside / name).write_bytes(data)
        beside.chmod(0o755)  # a temporary folder is its owner's alone
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder


def attach(folder: str | Path, name: str, content: bytes | Path) -> Path:
    """Put a file beside the tagger, outside its digest, or replace one: a model card, metrics, the drift reference.

    What a crash leaves half done, the same call mends.

    Args:
        content: the bytes, or a file to copy.
    Raises:
        TaggerError: if the name is not a plain file name or one of the tagger's own, or the folder holds no tagger.
    """
    folder = Path(folder)
    if name in _OURS or not _PLAIN_NAME.fullmatch(name):
        raise TaggerError(f"cannot attach {name!r} to {folder}: choose a plain file name other than {', '.join(sorted(_OURS))}")
    _read(folder, JSON)
    data = content if isinstance(content, bytes) else content.read_bytes()
    listed = _attachments(folder)
    _replace(folder / name, data)
    _replace(folder / ATTACHMENTS, (json.dumps({**listed, name: sha256(data)}, indent=2, sort_keys=True) + "\n").encode())
    return folder / name


def check(folder: str | Path, digest: str | None = None) -> Sealed:
    """Read a tagger folder, each file once, and compare every byte with its sha256.

    Args:
        digest: the tagger that is expected, where that is known.
    Raises:
        TaggerError: if a file is missing, unknown, changed or not a regular file, or the tagger is another than expected.
    """
    folder = Path(folder)
    data = _read(folder, JSON)
    if digest is not None and sha256(data) != digest:
        raise TaggerError(f"{folder / JSON} is not tagger {digest[:8]} but {sha256(data)[:8]}: take the tagger from its origin again")
    settings = read_json(data, str(folder / JSON))
    attached = _attachments(folder)
    _refuse_unknown(folder, {JSON, ATTACHMENTS, *settings.files, *attached})
    files = {str(name): _compare(folder, name, expected) for name, expected in settings.files.items()}
    for name, expected in attached.items():
        _compare(folder, name, expected)
    return Sealed(settings, sha256(data), files)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _attachments(folder: Path) -> dict[str, str]:
    """Name -> sha256; the names are plain, so none leads out of the folder."""
    if not os.path.lexists(folder / ATTACHMENTS):
        return {}
    listed = parse(_read(folder, ATTACHMENTS), str(folder / ATTACHMENTS))
    for name in listed:
        if name in _OURS or not _PLAIN_NAME.fullmatch(name):
            raise TaggerError(f"{folder / ATTACHMENTS} names {name!r}, which is no attachment's name: remove it from the list")
    return {name: str(expected) for name, expected in listed.items()}


def _refuse_unknown(folder: Path, known: set[str]) -> None:
    for path in sorted(folder.iterdir()):
        if path.name not in known:
            raise TaggerError(f"{path} does not belong to the tagger: remove it, or attach it")


def _compare(folder: Path, name: str, expected: str) -> bytes:
    data = _read(folder, name)
    if sha256(data) != expected:
        raise TaggerError(f"{folder / name} is damaged, its sha256 is not the one that was sealed: take the tagger from its origin again")
    return data


def _read(folder: Path, name: str) -> bytes:
    path = folder / name
    try:
        regular = stat.S_ISREG(path.lstat().st_mode)
        data = path.read_bytes() if regular else b""
    except OSError as error:
        raise TaggerError(f"cannot read {path} ({error.strerror}): name a tagger folder that is complete") from None
    if not regular:
        raise TaggerError(f"{path} is no regular file: put the file itself there")
    return data


def _replace(path: Path, data: bytes) -> None:
    descriptor, beside = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(beside).chmod(0o644)
        Path(beside).replace(path)
    finally:
        Path(beside).unlink(missing_ok=True)
