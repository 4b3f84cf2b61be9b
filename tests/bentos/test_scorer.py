"""The process that scores, as its owner sees it."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import psutil
import pytest

from bentos.config import ServiceConfig
from bentos.scorer import PROGRAM, Scorer
from components.audio import Clip16, from_array
from components.errors import TaggerError
from components.tagger import Tagger
from tests.fixtures.pitches import RATE, seal_pitches
from tests.fixtures.running import ROOT, until
from tests.fixtures.sounds import sine

SOUND = sine(440, 1.0, RATE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seal_pitches(tmp_path_factory.mktemp("taggers") / "small", seed=0)


@pytest.fixture(scope="module")
def tagger(folder: Path) -> Tagger:
    return Tagger.open(folder)


@pytest.fixture(scope="module")
def scorer(folder: Path, tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("TIMBRE_DATABASE_URL", f"sqlite:///{home / 'none.db'}")
        patch.setenv("TIMBRE_MODELS", str(home))
        found = Scorer(ServiceConfig(model_dir=folder.parent))
        yield found
        found.close()


def clip() -> Clip16:
    return from_array(SOUND, RATE, RATE)


def children() -> list[psutil.Process]:
    return [one for one in psutil.Process().children() if PROGRAM in one.cmdline()]


def test_it_scores_as_the_tagger_does(scorer: Scorer, tagger: Tagger):
    first, second = scorer.score(tagger.digest, [clip(), clip()])
    assert np.allclose(first.clip, tagger.score(SOUND, RATE), atol=1e-6)
    assert np.array_equal(first.windows, second.windows)
    assert first.starts_s.tolist() == second.starts_s.tolist()
    assert np.allclose(first.embedding, next(tagger.score_clips([clip()])).embedding, atol=1e-6)


def test_a_tagger_that_is_not_there_is_told_and_the_process_goes_on(scorer: Scorer, tagger: Tagger):
    before = children()
    with pytest.raises(TaggerError, match="cannot read"):
        scorer.score("absent", [clip()])
    assert len(scorer.score(tagger.digest, [clip()])) == 1
    assert children() == before


def test_a_process_that_was_killed_is_replaced(scorer: Scorer, tagger: Tagger):
    scorer.score(tagger.digest, [clip()])
    (old,) = children()
    os.kill(old.pid, signal.SIGKILL)
    old.wait(60)
    assert len(scorer.score(tagger.digest, [clip()])) == 1
    (new,) = children()
    assert new.pid != old.pid


def test_a_process_that_is_killed_at_work_is_told_of_and_replaced(scorer: Scorer, tagger: Tagger):
    scorer.score(tagger.digest, [clip()])
    (old,) = children()
    minutes = from_array(np.tile(SOUND, 300), RATE, RATE)
    with ThreadPoolExecutor(1) as pool:
        idle_s = sum(old.cpu_times()[:2])
        asked = pool.submit(scorer.score, tagger.digest, [minutes] * 16)
        until(lambda: sum(old.cpu_times()[:2]) > idle_s + 0.1)
        os.kill(old.pid, signal.SIGKILL)
        with pytest.raises(RuntimeError, match="was lost in the middle of a batch"):
            asked.result()
    assert len(scorer.score(tagger.digest, [clip()])) == 1


def test_a_process_that_hangs_is_ended_after_a_while_and_replaced(scorer: Scorer, tagger: Tagger, monkeypatch: pytest.MonkeyPatch):
    scorer.score(tagger.digest, [clip()])
    (old,) = children()
    old.suspend()
    large = from_array(np.tile(SOUND, 60), RATE, RATE)  # more than the socket takes, so that the writing hangs
    for one in (clip(), large):
        monkeypatch.setattr("bentos.scorer.OPEN_S", 0.5 - len(one.samples) / 8_000)
        with pytest.raises(RuntimeError, match=r"did not answer within 0 s and was ended"):
            scorer.score(tagger.digest, [one])
        monkeypatch.undo()
        assert len(scorer.score(tagger.digest, [one])) == 1
        (new,) = children()
        assert new.pid != old.pid
        new.suspend()
        old = new
    old.resume()


def test_a_process_that_hangs_keeps_no_owner_from_ending(folder: Path, tagger: Tagger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("TIMBRE_DATABASE_URL", f"sqlite:///{tmp_path / 'none.db'}")
    found = Scorer(ServiceConfig(model_dir=folder.parent))
    found.score(tagger.digest, [clip()])
    assert found._process is not None
    psutil.Process(found._process.pid).suspend()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(found.score, tagger.digest, [clip()])
        until(lambda: any(isinstance(one, threading.Timer) for one in threading.enumerate()))  # the clock of a batch that is sent
        found.kill()
        with pytest.raises(RuntimeError, match="was lost"):
            asked.result(30)
    found.close()


@pytest.mark.parametrize("error", [MemoryError, UnpicklingError])
def test_an_answer_that_was_not_taken_is_not_given_to_the_next_batch(
    scorer: Scorer, tagger: Tagger, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
):
    scorer.score(tagger.digest, [clip()])

    def fails(self: Connection) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "recv", fails)
        with pytest.raises(error):
            scorer.score(tagger.digest, [clip(), clip()])
    assert children() == []
    assert len(scorer.score(tagger.digest, [clip()])) == 1


def test_it_ends_with_its_owner_however_that_ends(tmp_path: Path):
    code = "import os, sys\nfrom bentos.config import ServiceConfig\nfrom bentos.scorer import Scorer\nscorer = Scorer(ServiceConfig())\n"
    code += "scorer.start()\nprint(scorer._process.pid, flush=True)\nos.kill(os.getpid(), 9)"
    owner = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert owner.returncode == -signal.SIGKILL
    until(lambda: not psutil.pid_exists(int(owner.stdout)), 120)
