"""Queue a training on the old data and the reviews, where it is time."""

from typing import Annotated, Any

from zenml import log_metadata, step

from components.monitoring.retrain import retrain as queue
from components.monitoring.stored_reviews import reviews_of
from components.registry import Registry
from components.watch_config import RetrainConfig
from components.who import who


@step(enable_cache=False)
def retrain(config: RetrainConfig) -> Annotated[dict[str, Any], "retraining"]:
    """Whether a job was queued, which, by which rule, and why or why not; its run names the job as `training_job_id`."""
    with Registry.look() as registry:
        answer = queue(registry, config, reviews_of(registry), who())
    result = {"queued": answer.queue, "rule": answer.rule or "", "job": answer.job or "", "reason": answer.sentence}
    log_metadata(result)
    return result
