"""Register one tagger folder, as a process of its own that may be killed: URL ROOT FOLDER [LINE].

With a LINE it sends itself SIGKILL when it comes to the LINE-th line of the registry's code; without, it prints how many lines it ran and
the digest.
"""

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from components import registry as package
from components.registry import Card, Decision, Registry

CODE = str(Path(package.__file__).parent)
url, root, folder, *at = sys.argv[1:]
last = int(at[0]) if at else None
count = 0


def trace(frame: FrameType, what: str, _: Any) -> Any:
    global count
    if not frame.f_code.co_filename.startswith(CODE):
        return None
    if what == "line":
        count += 1
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)
    return trace


card = Card("test", "d" * 64, {"precision": 0.5, "recall": 0.5, "f1_score": 0.5, "per_class": {}, "split": "test"}, {})
sys.settrace(trace)
model = Registry(url, Path(root)).register(Path(folder), card, lambda _: Decision(True, "promoted: it is the first"), who="ann")
sys.settrace(None)
print(count, model.digest)
