"""The page's folder of clips: its bound holds for clips that come at the same time, and a full disk is no fault."""

import errno
import io
import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bentos.errors import Refused
from bentos.page.clips import MOST_CLIPS, Clips
from components.audio import Clip16, from_array
from tests.fixtures.sounds import noise

SIZE = 100_000


def keep(folder: Path, times: int) -> list[int]:
    """Statuses of clips that come at the same time."""
    clips = Clips(folder, SIZE)

    def one(_: int) -> int:
        try:
            clips.keep("a.wav", io.BytesIO(bytes(SIZE)))
        except Refused as refused:
            return refused.status_code
        return 200

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(one, range(times)))


def test_together_they_keep_to_the_bound(tmp_path: Path):
    assert sorted(keep(tmp_path, 40)) == [200] * MOST_CLIPS + [503] * (40 - MOST_CLIPS)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == MOST_CLIPS * SIZE


def test_processes_share_the_bound(tmp_path: Path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        told = pool.starmap(keep, [(tmp_path, 10)] * 2)
    assert sum(statuses.count(200) for statuses in told) == MOST_CLIPS


def clip() -> Clip16:
    return from_array(noise(2, 8000), 8000, 8000)


def test_what_was_heard_is_kept_whole_and_no_larger(tmp_path: Path):
    clips, heard = Clips(tmp_path, SIZE), clip()
    path = clips.find(clips.keep_heard(heard, 8000))
    found, rate = soundfile.read(path, dtype="int16")
    assert rate == 8000
    assert np.array_equal(found, heard.samples)
    assert path.stat().st_size < heard.samples.nbytes + 1000


def test_a_full_disk_is_told_as_such_and_nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    clips, heard = Clips(tmp_path, SIZE), clip()

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for place in ("os.posix_fallocate", "shutil.copyfileobj"):
        with monkeypatch.context() as patch:
            patch.setattr(place, fail)
            with pytest.raises(Refused) as raised:
                clips.keep("a.wav", io.BytesIO(b"x"))
            assert (raised.value.status_code, raised.value.headers) == (503, {"Retry-After": "60"})
    monkeypatch.setattr("os.posix_fallocate", fail)
    with pytest.raises(Refused):
        clips.keep_heard(heard, 8000)
    assert list(tmp_path.iterdir()) == []
