"""Fit a tagger on the store and seal it."""

from pathlib import Path
from typing import Annotated

from zenml import get_step_context, step
from zenml.client import Client
from zenml.models import StepRunUpdate
from zenml.utils.time_utils import utc_now

from components.config import Config, changed
from components.pace import asked_for
from components.progress import bars
from components.store import StoreRef, open_store
from components.tagger import attach
from components.training import NOTE, fit, new_run_folder
from steps.caching import cached_on_code
from steps.keeping import kept

HISTORY = "history.csv"  # the training curve, for the report


@step(cache_policy=cached_on_code("steps.train"))
def train(store: StoreRef, recipe: Config) -> Annotated[Path, "tagger"]:
    """A sealed tagger folder; the run folder keeps what training leaves for people to read."""
    run_folder = new_run_folder(recipe.name)
    report = asked_for(run_folder, recipe.training.ckpt)
    with kept(run_folder) as found:
        recipe = changed(recipe, {"training.ckpt": str(run_folder)}) if found else recipe
        folder = fit(recipe, open_store(store), run_folder, progress=bars, report=report)
    attach(folder, HISTORY, run_folder / HISTORY)
    if (note := run_folder / NOTE).exists():
        attach(folder, NOTE, note)
        _forget()
    return folder


def _forget() -> None:
    """What was cut short is no result to reuse: the same command trains again."""
    Client().zen_store.update_run_step(get_step_context().step_run.id, StepRunUpdate(cache_expires_at=utc_now()))
