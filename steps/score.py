"""Score what a model has not scored yet."""

from dataclasses import asdict
from typing import Annotated, Any

from zenml import log_metadata, step

from components.progress import bars
from components.scoring import score as score_batch
from components.work_config import ExecutionConfig, PredictionConfig

# Never cached: only a fresh look tells whether there are new clips, and what was scored is not scored again.


@step(enable_cache=False)
def score(
    prediction: PredictionConfig, execution: ExecutionConfig
) -> tuple[Annotated[dict[str, Any], "scored"], Annotated[str, "scored_by"], Annotated[str, "batch_began"]]:
    """What the batch came to, the digest of the model, and when the batch began; bad clips are listed and fail nothing."""
    done = asdict(score_batch(prediction, execution.dask_address, bars))
    log_metadata({name: value for name, value in done.items() if name != "first_bad" and value is not None})
    return done, done["model"], done["began"]
