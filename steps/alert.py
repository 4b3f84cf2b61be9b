"""Keep the episodes of drift, and tell who is to be told."""

from typing import Annotated

from zenml import log_metadata, step

from components.monitoring.alerts import follow
from components.monitoring.channels import channels_of
from components.registry import Registry
from components.registry.episodes import Episodes, Observation
from components.watch_config import AlertConfig
from components.who import who


@step(enable_cache=False)
def alert(observation: Observation, config: AlertConfig) -> Annotated[list[str], "told"]:
    """Who was told of what, and what could not be sent, a sentence each."""
    channels = channels_of(config)
    with Registry.look() as registry:
        told = [one.sentence for one in follow(Episodes(registry.database), observation, channels, who())]
    log_metadata({"told": told})
    return told
