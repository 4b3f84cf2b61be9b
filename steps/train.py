"""Fit a tagger on the store and seal it."""

from pathlib import Path
from typing import Annotated

from zenml import step

from components.config import Config
from components.progress import bars
from components.store import StoreRef, open_store
from components.tagger import attach
from components.training import fit, new_run_folder
from steps.caching import cached_on_code

HISTORY = "history.csv"  # the training curve, for the report


@step(cache_policy=cached_on_code("steps.train"))
def train(store: StoreRef, recipe: Config) -> Annotated[Path, "tagger"]:
    """A sealed tagger folder; the run folder keeps what training leaves for people to read."""
    run_folder = new_run_folder(recipe.name)
    folder = fit(recipe, open_store(store), run_folder, progress=bars)
    attach(folder, HISTORY, run_folder / HISTORY)
    return folder
