"""The service's processes: what they keep in memory, and what one that was killed left behind, which goes at the next start."""

import gc
import os
import re
import shutil
import tempfile
from pathlib import Path

OWN = re.compile(r"timbre-(?:metrics|s3)-(\d+)-.+")


def settle() -> None:
    """Call what is there now permanent: then Python looks for lost cycles among what requests leave behind, often and in no time."""
    gc.collect()
    gc.freeze()


def prefix(kind: str) -> str:
    """How a temporary folder of this process is named, so that `sweep` knows it."""
    return f"timbre-{kind}-{os.getpid()}-"


def sweep(folder: Path | None = None) -> None:
    """Remove temporary folders whose process is gone; one of this process's own number is of an earlier one, as in a container."""
    for path in (folder or Path(tempfile.gettempdir())).iterdir():
        if (named := OWN.fullmatch(path.name)) and (path.name.startswith(prefix("s3")) or not lives(int(named[1]))):
            shutil.rmtree(path, ignore_errors=True)


def lives(pid: int) -> bool:
    """Whether there is such a process, whoever's."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
