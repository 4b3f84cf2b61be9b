"""fit: from stored clips to a sealed tagger. A plain function: the train step, notebooks and scripts call it alike."""

import logging
import sys
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from components.config import Config, EngineName, TrainingConfig
from components.errors import DataError, TaggerError
from components.files import write_whole
from components.losses import LOSSES, Loss, positive_weights
from components.memory import keep_freed
from components.menus import build
from components.models import attribution
from components.network import Network, build_network
from components.pace import Report
from components.progress import Progress, quiet
from components.store import Store
from components.tagger import ENGINES, TaggerSettings, attach, choose_engine, export_onnx, seal
from components.training.checkpoint import about, read_checkpoint
from components.training.code_version import code_version
from components.training.compiler import check_compiler
from components.training.device import Device, choose_device, count_devices, repeatable
from components.training.frozen import Clips, fit_head
from components.training.interrupt import NOTE, Interrupt, listening
from components.training.loader import Loader
from components.training.log_file import logged
from components.training.needs import announce
from components.training.phases import plan_phases
from components.training.plan import Plan
from components.training.quick import quickened
from components.training.rarity import rarity
from components.training.rates import draw_rates, planned_rates
from components.training.run_folder import write_config
from components.training.spread import train_together
from components.training.team import ALONE, Team

if TYPE_CHECKING:
    from components.training.selection import Judged

log = logging.getLogger(__name__)
STATISTICS_WINDOWS = 2048  # enough for the mean and deviation of a band to stand to about 1 %


def fit(
    config: Config,
    store: Store,
    run_folder: Path,
    progress: Progress = quiet,
    judged: "Judged | None" = None,
    report: Report | None = None,
) -> Path:
    """Train a tagger on a store's `train` split, choose its weights and thresholds on `val`, and seal it.

    Ctrl+C once finishes the batch and ends normally with the best so far; twice stops at once and leaves nothing half written.
    The same configuration, clips and machine give the same tagger.

    Args:
        store: clips with their splits; `test` is not looked at.
        run_folder: gets the tagger (in a folder of its name), `config.yaml`, `rate.png` (the learning rate as it is planned),
            `history.csv` (step, train_loss, val_f1, val_map, lr), `train.log`, `tensorboard/`, and in `checkpoints/` the best weights
            (`best.safetensors`) and all that is needed to resume (`last.ckpt`). Where `training.ckpt` is this folder, its own training
            goes on, be it only to be sealed.
        progress: shows the training unless it is `quiet`.
        judged: is told the step and the metric of each validation (more is better), and may raise to end it. A frozen backbone has none,
            and neither have several devices, which are processes of their own.
        report: is told how far the training is, every few seconds; pickled where there are several devices. A frozen backbone has no steps.
    Returns:
        The sealed tagger folder.
    Raises:
        ConfigError: if a name or parameter is unknown, parts do not fit each other or the GPU, the checkpoint to resume from does
            not fit, nothing compiles here, the training diverges, or one of several devices is lost.
        DataError: if train or val has no clips.
        TaggerError: if the run folder holds a tagger of this name.
        KeyboardInterrupt: at the second Ctrl+C.
    """
    config, store = quickened(config, store) if config.training.quick else (config, store)
    folder = run_folder / config.name
    if folder.exists():
        raise TaggerError(f"{folder} exists: a sealed tagger is never changed, so name a new run folder")
    devices = count_devices(config.training)
    if config.training.compile and not config.model.frozen:
        check_compiler()
    with listening() as interrupt:
        if devices == 1 or config.model.frozen:  # one layer on embeddings is fitted in one go
            return _train(config, store, run_folder, progress, interrupt, judged=judged, report=report)
        for split in ("train", "val"):
            _split(store, split).bring()  # or each device's process would fetch all of it
        on_gpu = choose_device(config.training).device.type == "cuda"
        log.info("%d processes train together, on %s", devices, "a GPU each" if on_gpu else "the CPU")
        return train_together(partial(_train_in_team, config, store, run_folder, progress, report), devices, on_gpu, interrupt)


def _train_in_team(config: Config, store: Store, run_folder: Path, progress: Progress, report: Report | None, team: Team) -> Path:
    return _train(config, store, run_folder, progress, Interrupt(), team, report=report)


def _train(
    config: Config,
    store: Store,
    run_folder: Path,
    progress: Progress,
    interrupt: Interrupt,
    team: Team = ALONE,
    judged: "Judged | None" = None,
    report: Report | None = None,
) -> Path:
    """fit on one device, which may be one of several: then the first of them judges, writes and seals."""
    keep_freed()
    training, folder = config.training, run_folder / config.name
    # A frozen backbone's head is judged by cross-validation where there is no val: few labels are better spent on training.
    train, val = _split(store, "train"), store.of("val") if config.model.frozen else _split(store, "val")
    device, settings = choose_device(training, team.rank), _settings(config, store)
    known = about(config, store.sample_rate, settings.label_set)
    state = read_checkpoint(training.ckpt, known) if training.ckpt else None
    with repeatable(device, training.seed), logged(run_folder) if team.first else nullcontext():
        network = build_network(config.feature, config.model, config.windows, store.sample_rate, settings.label_set)
        if training.engine == "onnx":
            export_onnx(network, settings.window_samples, settings.task)  # what cannot be exported trains in vain
        weights = rarity(*train.manifest.targets()) if training.weighted_sampler else None
        whole = Plan(train.num_samples, settings.window_samples, training.batch_size, training.seed, weights=weights)
        plan = replace(whole, rank=team.rank, world=team.world)
        network = _of_team(network.to(device.device), device, team, training.seed)
        if config.model.frozen:
            write_config(config, run_folder)
            _measure(network, train, whole, device.device)
            thresholds = fit_head(network, Clips(train, val, settings, run_folder), training, interrupt, progress)
            return _seal(folder, network, settings, thresholds, training.engine)
        from components.training.course import Course, Ground  # these load Lightning, which takes seconds
        from components.training.learner import Learner
        from components.training.range_test import searches, settle_rates

        steps, loss = _steps(training, plan), _loss(config, train)
        if state is None or searches(training):
            _measure(network, train, whole, device.device)
        tried, stop = Learner(network, loss, training, store.sample_rate, steps), lambda: interrupt.asked or team.asked_to_end()
        training = team.from_first(lambda: settle_rates(tried, lambda count: iter(Loader(train, plan, count)), device, stop))
        phases = plan_phases(training, steps, plan.steps_per_epoch // training.accumulate or 1)
        learners = [Learner(network, loss, training, store.sample_rate, steps, phase) for phase in phases]
        rates = planned_rates(phases, training)
        if team.first:
            write_config(config, run_folder)
            draw_rates(rates, phases, run_folder)
        ground = Ground(network, train, val, plan, settings, device, run_folder, interrupt, known, team, judged, report)
        course = Course(ground, learners, progress, state)
        if team.first:
            announce(learners, Loader(train, plan, 1), device)
        course.run()
        if not team.first:
            return folder
        best = course.selection.restore()
        if interrupt.asked:
            said = f"Training was stopped by hand before its {steps:,} steps were done; these are the weights of step {best.step:,}."
            write_whole(run_folder / NOTE, said.encode())
        interrupt.sealing = True
        log.info("kept the weights of step %d: val F1 %.3f, val mAP %.3f", best.step, best.metrics.values["f1"], best.metrics.values["mAP"])
        return _seal(folder, course.judged, settings, best.thresholds, training.engine)


def _of_team(network: Network, device: Device, team: Team, seed: int) -> Network:
    """The network as one of several learns it: on GPUs batch norms see the whole batch, and each device drops out by its own draws."""
    if team.world == 1:
        return network
    torch.manual_seed(seed + team.rank)
    if device.device.type != "cuda":
        return network  # torch has no such batch norm for a CPU: each process's sees its share, and the first's statistics are kept
    from timm.layers import convert_sync_batchnorm

    synchronized: Network = convert_sync_batchnorm(network)
    return synchronized


def _seal(folder: Path, network: Network, settings: TaggerSettings, thresholds: npt.NDArray[np.float32], asked: EngineName) -> Path:
    network.cpu().eval()
    chosen = choose_engine(network, settings, asked)
    found = {"thresholds": tuple(map(float, thresholds)), "engine": chosen.engine}
    sealed = seal(folder, network, settings.model_copy(update=found), chosen.model)
    if chosen.table is not None:
        attach(sealed, ENGINES, chosen.table.to_json())
    if (credit := attribution(settings.model.pretrained)) is not None:
        attach(sealed, "ATTRIBUTION.txt", credit.encode())
    return sealed


def _steps(training: TrainingConfig, plan: Plan) -> int:
    """Optimizer steps in the whole training."""
    return min(training.max_steps or sys.maxsize, training.epochs * plan.steps_per_epoch // training.accumulate or 1)


def _split(store: Store, split: str) -> Store:
    if len(part := store.of(split)) == 0:
        raise DataError(f"the {split} split has no clips: give data.{split} some, or let a share of data.train become it")
    return part


def _settings(config: Config, store: Store) -> TaggerSettings:
    """What is known of the tagger before it is trained; its thresholds come later."""
    return TaggerSettings(
        name=config.name,
        task=config.task,
        label_set=store.manifest.label_set,
        sample_rate=store.sample_rate,
        windows=config.windows,
        feature=config.feature,
        model=config.model,
        thresholds=(0.5,) * len(store.manifest.label_set),
        data_digest=store.manifest.digest,
        code_version=code_version(),
        quick=config.training.quick,
    )


def _loss(config: Config, train: Store) -> Loss:
    targets, mask = map(torch.from_numpy, train.manifest.targets())
    families = [label.family for label in train.manifest.label_set.labels]
    known = {"task": config.task, "pos_weight": positive_weights(targets, mask), "families": families}
    return build(LOSSES, config.training.loss, "loss", config.training.loss_params, **known)


def _measure(network: Network, train: Store, plan: Plan, device: torch.device) -> None:
    """Feature statistics over windows of the training split, at most one a clip."""
    steps = min(plan.steps_per_epoch, max(1, STATISTICS_WINDOWS // plan.share))
    network.to(device).measure(waveforms for waveforms, _, _ in Loader(train, plan, steps))
