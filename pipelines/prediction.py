"""score → drift: clips of any number in, scores as Parquet and in the prediction log out, once a clip and model. To be scheduled."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from components.config import Config, default_config, load_config
from pipelines.config_files import share
from pipelines.image import IN_IMAGE
from pipelines.signals import wait_to_stop
from steps.drift import drift
from steps.score import score

share()
wait_to_stop()


@pipeline(name="prediction", enable_cache=False, execution_mode=ExecutionMode.FAIL_FAST, settings={"docker": IN_IMAGE})
def prediction(config: Config | None = None) -> None:
    """Score `prediction.data`; without a Config, that of the one that TIMBRE_CONFIG names, else the sample's.

    Killed at any moment, it goes on where it was when it is run again.
    """
    config = config or load_config(default_config())
    _, model, began = score(prediction=config.prediction, execution=config.execution)
    if config.prediction.drift:
        drift(model=model, since=began, until=None, config=config.watch.drift)
