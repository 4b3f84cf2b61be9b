"""Which code trained a tagger: Timbre's version and a digest of the sources, the same with git or without."""

import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

COMPONENTS = Path(__file__).resolve().parents[1]


def code_version(root: Path = COMPONENTS) -> str:
    """`0.1.0+3f2a…`: the version, and the first 12 digits of the sha256 over every Python file under `root`."""
    try:
        name = version("timbre-audio")
    except PackageNotFoundError:
        name = "0"
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py"), key=lambda path: path.relative_to(root).as_posix()):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return f"{name}+{digest.hexdigest()[:12]}"
