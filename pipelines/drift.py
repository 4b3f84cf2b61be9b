"""Has what is served drifted? Then tell, train anew where a rule says so, and look at the candidate in shadow. To be scheduled."""

from zenml import pipeline

from components.config import Config, default_config, load_config
from pipelines.config_files import share
from pipelines.image import IN_IMAGE
from steps.alert import alert
from steps.drift import drift as compare
from steps.retrain import retrain
from steps.shadow import shadow

share()


@pipeline(name="drift", enable_cache=False, settings={"docker": IN_IMAGE})
def drift(config: Config | None = None, model: str = "production", since: str | None = "7d", until: str | None = None) -> None:
    """Without a Config, the one that TIMBRE_CONFIG names, else the sample's.

    With `until` it only compares: episodes, and what follows from them, are of periods that end now.

    Args:
        model: an alias, name@digest8, digest or id.
        since, until: the period: 7d, 12h, 90m or 2w ago, or a date.
    """
    config = config or load_config(default_config())
    _, _, observation = compare(model=model, since=since, until=until, config=config.watch.drift)
    if until is not None:
        return
    alert(observation=observation, config=config.watch.alerts)
    if config.watch.retrain.enabled:
        retrain(config=config.watch.retrain, after="alert")
    if config.gate.promote == "after_shadow":
        shadow(gate=config.gate, after="alert")
