"""ZenML's own files of configuration, which its processes on a machine share: ours write them whole, and wait for a whole one."""

import os
import stat
import time
from functools import wraps
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml
from zenml.utils import io_utils, yaml_utils

PATIENCE_S = 1.0
AGAIN_S = 0.01


def share() -> None:
    """Have ZenML replace its files instead of emptying them first, leave one that says the same, and read one again that is not whole.

    It stops at an empty one with a traceback. Commands of ZenML itself still empty them for a moment; a file that stays empty, as of a
    process that was killed then, has no values.
    """
    if getattr(yaml_utils, "shares_files", False):
        return
    write_at_once, read_at_once = yaml_utils.write_yaml, yaml_utils.read_yaml

    @wraps(write_at_once)
    def write(file_path: str, contents: Any, sort_keys: bool = True) -> None:
        try:
            if io_utils.is_remote(file_path):
                write_at_once(file_path, contents, sort_keys)
            else:
                _replace(Path(file_path).resolve(), yaml.dump(contents, sort_keys=sort_keys))
        except PermissionError:  # of the folder alone, it may be
            write_at_once(file_path, contents, sort_keys)

    @wraps(read_at_once)
    def read(file_path: str) -> Any:
        ends = time.monotonic() + PATIENCE_S
        while True:
            over = time.monotonic() >= ends
            try:
                contents = read_at_once(file_path)
            except yaml.YAMLError:
                if over:
                    raise
                contents = None
            if contents is not None or over:
                return {} if contents is None else contents
            time.sleep(AGAIN_S)

    patched: Any = yaml_utils
    patched.write_yaml, patched.read_yaml, patched.shares_files = write, read, True


def _replace(path: Path, text: str) -> None:
    known = path.exists()
    if known and path.read_text("utf-8") == text:
        return
    beside = path.with_name(f".{path.name}-{uuid4().hex}")
    try:
        with beside.open("x", encoding="utf-8") as file:  # with the rights that ZenML's own would have: one of them holds tokens
            if known:
                os.fchmod(file.fileno(), stat.S_IMODE(path.stat().st_mode))
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
