"""One step: has what is served drifted? To be scheduled, hourly or daily."""

from zenml import pipeline

from components.config import Config, default_config, load_config
from steps.drift import drift as compare


@pipeline(name="drift", enable_cache=False)
def drift(config: Config | None = None, model: str = "production", since: str | None = "7d", until: str | None = None) -> None:
    """Without a Config, the one that TIMBRE_CONFIG names, else the sample's.

    Args:
        model: an alias, name@digest8, digest or id.
        since, until: the period: 7d, 12h, 90m or 2w ago, or a date.
    """
    config = config or load_config(default_config())
    compare(model=model, since=since, until=until, config=config.watch.drift)
