"""Decode and resample each clip once, into the store."""

from typing import Annotated

from zenml import step

from components.config import AudioConfig
from components.datasets import too_many_bad
from components.errors import DataError
from components.progress import bars
from components.store import StoreRef, build_store, identity
from steps.caching import cached_on_code
from steps.refs import ManifestRef
from steps.where import execution


@step(cache_policy=cached_on_code("steps.featurize", also=identity))
def featurize(
    manifest: ManifestRef, audio: AudioConfig, max_bad_fraction: float, num_workers: int | None = None
) -> Annotated[StoreRef, "store"]:
    """The store of a manifest's clips.

    Raises:
        DataError: if more than `max_bad_fraction` of them turn out not to decode.
    """
    clips = manifest.open()
    built = build_store(clips, audio, workers=num_workers, progress=bars, dask_address=execution().dask_address)
    if too_many := too_many_bad(built.bad, len(clips) - len(built.bad), max_bad_fraction):
        raise DataError(too_many)
    return built.ref
