"""Runs Lightning's Trainer over the learner: no files but ours, no log lines but ours."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.training.device import Device
from components.training.learner import Learner
from components.training.lightning_import import DDPStrategy, LightningEnvironment, PossibleUserWarning, pl
from components.training.loader import Loader
from components.training.team import Team


def run(learner: Learner, loader: Loader, callbacks: list[pl.Callback], device: Device, team: Team, run_folder: Path) -> None:
    """Train for all steps of the learner's phase that are left, or until a callback stops it."""
    training = learner.training_config
    with _hushed():
        trainer = pl.Trainer(
            accelerator=device.accelerator,
            **_devices(device, team),
            precision=device.precision,
            max_steps=learner.phase.last - learner.first_step,
            accumulate_grad_batches=training.accumulate,
            gradient_clip_val=training.clip_norm,
            max_epochs=1,  # the loader's one pass is the whole training
            callbacks=callbacks,
            default_root_dir=run_folder,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            benchmark=False,
            use_distributed_sampler=False,
        )
        trainer.fit(learner, loader)


def _devices(device: Device, team: Team) -> dict[str, Any]:
    """One device, or a process's place among several; the processes are there, so Lightning starts none."""
    if team.world == 1:
        return {"devices": device.devices}
    # Statistics in buffers are the first's, which judges, so they need not be the same elsewhere.
    strategy = DDPStrategy(cluster_environment=LightningEnvironment(), find_unused_parameters=True, forward_sync_buffers=False)
    return {"devices": team.world, "strategy": strategy}


@contextmanager
def _hushed() -> Iterator[None]:
    """Lightning's advice and banners are about its own defaults, which we have chosen against; its errors still come through."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PossibleUserWarning)
        warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning)  # Lightning with torch 2.13
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
