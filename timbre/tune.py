"""Search over the Config with Optuna: each trial is a training of its own, judged on val; the study is a file, so a search can go on."""

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from components.config import AudioConfig, Config, changed
from components.errors import ConfigError, DataError
from components.evaluation.plots import importance
from components.evaluation.plots.theme import render
from components.files import write_whole
from components.judge import judge
from components.progress import Progress, quiet
from components.store import Store
from components.tagger import Tagger
from components.training import fit
from components.training.interrupt import listening
from components.training.rehearse import rehearse
from components.training.run_folder import write_config
from components.training.trial import as_trial
from timbre.search_folder import STUDY, alone
from timbre.space import Space, space_of

log = logging.getLogger(__name__)
BEST, TRIALS, PICTURE = "best.yaml", "trials.csv", "importance.png"
REFUSED, SAME = "refused", "same_as"  # what a trial of the study may carry: why its parts do not fit, or whose double it is
STATES = ("whole", "same", "pruned", "refused")  # the best are among the first
TOLD_APART = 8  # whole trials, from which on it is worth saying which key mattered


class PrunedError(Exception):
    """A training that is worse than the trials before it were at its step."""


@dataclass(frozen=True)
class Tuned:
    """What a search has found.

    Args:
        metric: `training.metric`, that trials are judged by on val.
        trials: a row a trial that ended, the best first: trial, state (whole, pruned, refused or same), value, a column a key, said.
        best: the whole configuration of the best trial; None where none was whole.
    """

    folder: Path
    metric: str
    trials: pd.DataFrame
    best: Config | None


def tune(
    config: Config,
    raw: Mapping[str, Any],
    store_of: Callable[[AudioConfig], Store],
    folder: Path,
    trials: int,
    timeout_min: float | None = None,
    progress: Progress = quiet,
) -> Tuned:
    """Go on with the search in `folder` until it has so many trials.

    A trial is one `fit`, and its value `training.metric` on val; test is not looked at. What the n-th trial tries depends on
    `training.seed` and the trials that ended before it alone, so a search that was cut off gives what an unbroken one gives. A
    training that is worse than the median of the trials before it was at that step ends (after five whole trials). Parts that do not fit
    each other are a refused trial. Ctrl+C once lets the trial in progress end, twice stops at once; its trial is then tried again.

    Args:
        raw: dotted key -> space, see `timbre.space`.
        store_of: the clips, decoded so.
        folder: gets `study.db`, a run folder a trial, `trials.csv`, `best.yaml` (the best one's whole configuration) and
            `importance.png`; see `place_of`.
        trials: in the whole search, those that it has counted.
        timeout_min: after so many minutes no trial is begun.
    Raises:
        ConfigError: if a space is none, or another process works in this folder.
        DataError: if val has no clips.
        KeyboardInterrupt: at the second Ctrl+C.
    """
    space, ends = space_of(raw), time.monotonic() + (math.inf if timeout_min is None else 60 * timeout_min)
    if len(store_of(config.audio).of("val")) == 0:
        raise DataError("trials are judged on val, which has no clips: give data.val some, or a share of data.train by data.val_share")
    with alone(folder), _opened(folder) as study, listening(whole=True) as interrupt:
        for broken in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            study.tell(broken.number, state=TrialState.FAIL)
            log.info("trial %d was cut off and is tried again", broken.number)
        while (done := len(_ended(study))) < trials and not interrupt.asked and time.monotonic() < ends:
            seed = int(np.random.SeedSequence([config.training.seed, done]).generate_state(1)[0])
            study.sampler = optuna.samplers.TPESampler(seed=seed)
            trial = study.ask({key: axis.distribution for key, axis in space.items()})
            log.info("trial %d, %d of %d: %s", trial.number, done + 1, trials, _told(trial.params))
            _try(study, trial, Bench(config, space, store_of, folder / f"trial-{trial.number:03d}", progress))
            _write(study, config, space, folder)
        return _write(study, config, space, folder)


@dataclass(frozen=True)
class Bench:
    """What a trial needs."""

    config: Config
    space: Space
    store_of: Callable[[AudioConfig], Store]
    run_folder: Path
    progress: Progress


def _try(study: optuna.Study, trial: optuna.Trial, bench: Bench) -> None:
    """One trial from its values to its end in the study."""
    whole = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if (double := next((one for one in whole if one.params == trial.params), None)) is not None:
        trial.set_user_attr(SAME, double.number)  # the same training would give the same tagger
        study.tell(trial, double.value)
        return
    try:
        value = _value(trial, bench)
    except PrunedError as error:
        log.info("trial %d ends: %s", trial.number, error)
        study.tell(trial, state=TrialState.PRUNED)
    except ConfigError as error:
        log.info("trial %d does not fit: %s", trial.number, error)
        trial.set_user_attr(REFUSED, str(error))
        study.tell(trial, state=TrialState.FAIL)
    else:
        study.tell(trial, value)


def _value(trial: optuna.Trial, bench: Bench) -> float:
    from components.training.metric import METRICS

    config = _with(bench.config, bench.space, trial.params)
    store = bench.store_of(config.audio)
    rehearse(config.model_copy(update={"labels": store.manifest.label_set.codes}))  # which the store knows, wherever they came from

    def judged(step: int, value: float) -> None:
        trial.report(value, step)
        if trial.should_prune():
            raise PrunedError(f"at step {step} it is worse than half of the trials before it were")

    tagger = Tagger.open(fit(as_trial(config), store, bench.run_folder, bench.progress, judged), config.training.device)
    once = config.evaluation.model_copy(update={"bootstrap_rounds": 1, "worst_clips": 1})
    value = METRICS[config.training.metric](judge(tagger, store.of("val"), once, bench.progress, split="val").metrics)
    log.info("trial %d: %s %.3f", trial.number, config.training.metric, abs(value))
    return value


def _write(study: optuna.Study, config: Config, space: Space, folder: Path) -> Tuned:
    ended = sorted(_ended(study), key=lambda trial: (STATES.index(_state(trial)), -(trial.value or 0.0), trial.number))
    table = pd.DataFrame([_row(trial, space) for trial in ended], columns=["trial", "state", "value", *space, "said"])
    write_whole(folder / TRIALS, table.to_csv(index=False).encode())
    best = None
    if ended and ended[0].state is TrialState.COMPLETE:
        best = _with(config, space, ended[0].params)
        write_config(best, folder, BEST)
        _draw(study, folder)
    return Tuned(folder, config.training.metric, table, best)


def _row(trial: FrozenTrial, space: Space) -> dict[str, Any]:
    said = {
        "whole": "",
        "same": f"as trial {trial.user_attrs.get(SAME)}",
        "pruned": f"ended at step {trial.last_step}",
        "refused": trial.user_attrs.get(REFUSED, ""),
    }
    state, value = _state(trial), np.nan if trial.value is None else abs(trial.value)
    return {"trial": trial.number, "state": state, "value": value, **{key: trial.params.get(key) for key in space}, "said": said[state]}


def _state(trial: FrozenTrial) -> str:
    if trial.state is TrialState.COMPLETE:
        return "same" if SAME in trial.user_attrs else "whole"
    return "pruned" if trial.state is TrialState.PRUNED else "refused"


def _draw(study: optuna.Study, folder: Path) -> None:
    """How much of the difference between trials each key explains (fANOVA, ICML 2014), where that can be told."""
    whole = [trial for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)) if SAME not in trial.user_attrs]
    keys = [key for key in (whole[0].params if whole else ()) if len({trial.params.get(key) for trial in whole}) > 1]
    if len(whole) < TOLD_APART or len(keys) < 2 or len({trial.value for trial in whole}) < 2:
        return
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    shares = optuna.importance.get_param_importances(study, evaluator=evaluator, params=keys)
    write_whole(folder / PICTURE, render(importance.draw(shares, len(whole))))


def _ended(study: optuna.Study) -> list[FrozenTrial]:
    """The trials that count: all but those that were cut off."""
    return [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.state in (TrialState.COMPLETE, TrialState.PRUNED) or (trial.state is TrialState.FAIL and REFUSED in trial.user_attrs)
    ]


def _with(config: Config, space: Space, drawn: Mapping[str, Any]) -> Config:
    return changed(config, {key: space[key].value(value) for key, value in drawn.items()})


def _told(drawn: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}" for key, value in drawn.items())


@contextmanager
def _opened(folder: Path) -> Iterator[optuna.Study]:
    said = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # what it has to say, we say
    try:
        study, storage = _study(folder / STUDY)
        try:
            yield study
        finally:
            storage.remove_session()
            storage.engine.dispose()
    finally:
        optuna.logging.set_verbosity(said)


def _study(file: Path) -> tuple[optuna.Study, optuna.storages.RDBStorage]:
    pruner = optuna.pruners.MedianPruner(n_startup_trials=5)
    try:
        storage = optuna.storages.RDBStorage(f"sqlite:///{file.absolute()}")
        return optuna.create_study(storage=storage, pruner=pruner, study_name="tune", direction="maximize", load_if_exists=True), storage
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError, RuntimeError) as error:
        raise ConfigError(
            f"{file} cannot be read as a study of Optuna {optuna.__version__} ({type(error).__name__}): name another folder by --out"
        ) from None
