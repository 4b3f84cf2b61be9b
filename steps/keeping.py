"""A training's checkpoint in the artifact store while it is trained.

A pod that takes the place of another, and a run after one that was killed, go on from it.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zenml import get_step_context
from zenml.client import Client
from zenml.io import fileio
from zenml.models import StepRunResponse

from components.files import write_whole
from components.training import LAST

log = logging.getLogger(__name__)
FOLDER = "timbre-checkpoints"
EVERY_S, LONGEST_S = 2.0, 600.0  # between two looks, where the store takes a checkpoint and where it has long taken none
LAST_S = 20.0  # that the last copy may take: a pod that is to go has 30


@contextmanager
def kept(run_folder: Path) -> Iterator[bool]:
    """Keep a run folder's checkpoint in the artifact store while it is trained; tells whether one was there and now is in it.

    It is found again by the step's cache key: by what the training depends on, code included. It stays when the training is done, as what a
    step returns is stored only afterwards: `let_go` removes it.
    """
    keeper = Keeper(run_folder / LAST, f"{_place(get_step_context().step_run)}/{LAST.name}")
    found = keeper.bring_back()
    with keeper:
        yield found


def let_go(name: str) -> None:
    """Remove what was kept for the step that made this step's input `name`, which is stored by now; what cannot be removed costs no run."""
    try:
        (made,) = get_step_context().inputs[name]
        if fileio.exists(place := _place(made.step)):
            fileio.rmtree(place)
    except Exception:  # stores fail in many ways, and the run of a cached tagger may have been deleted
        log.warning("the checkpoint of %s could not be removed under %s; nothing needs it any more", name, FOLDER, exc_info=True)


def _place(step: StepRunResponse) -> str:
    return f"{Client().active_stack.artifact_store.path}/{FOLDER}/{step.cache_key}"


class Keeper:
    """Copies a file that is written whole now and then to an address of the artifact store, from a thread of its own.

    It looks once more at the end, whatever ends the work: a tagger that cannot be stored, and a pod that is to go, leave their newest.
    """

    def __init__(self, file: Path, address: str) -> None:
        self._file, self._address = file, address
        self._ended, self._copied = threading.Event(), _version(file)
        self._thread = threading.Thread(target=self._watch, name="keeper", daemon=True)

    def bring_back(self) -> bool:
        """Fetch what is kept; False where nothing is."""
        if not fileio.exists(self._address):
            return False
        with fileio.open(self._address, "rb") as kept_file:
            content = kept_file.read()
        self._file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self._file, content)
        self._copied = _version(self._file)
        log.info("going on from the checkpoint that another attempt left at %s", self._address)
        return True

    def __enter__(self) -> "Keeper":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(LAST_S)
        if self._thread.is_alive():
            log.warning("the store has not taken the checkpoint at %s within %g s: the run ends without it", self._address, LAST_S)

    def _watch(self) -> None:
        """A checkpoint that cannot be kept costs no training: what is wrong with the store shows at the end."""
        wait_s, ended = EVERY_S, False
        while not ended:
            ended = self._ended.wait(wait_s)
            try:
                self._copy()
                wait_s = EVERY_S
            except Exception as error:  # stores fail in many ways
                wait_s = min(2 * wait_s, LONGEST_S)
                reason = " ".join(f"{type(error).__name__}: {error}".split())
                then = "not tried again, as training has ended" if ended else f"tried again in {wait_s:g} s"
                log.warning("the checkpoint could not be kept at %s (%s): %s", self._address, reason, then)

    def _copy(self) -> None:
        version = _version(self._file)
        if version in (None, self._copied):
            return
        fileio.makedirs(self._address.rpartition("/")[0])
        with fileio.open(f"{self._address}.new", "wb") as draft:
            draft.write(self._file.read_bytes())
        fileio.rename(f"{self._address}.new", self._address, overwrite=True)
        self._copied = version


def _version(file: Path) -> tuple[int, int] | None:
    """Tells one content of a file from the next."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_ino
