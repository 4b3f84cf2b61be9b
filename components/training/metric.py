"""What the best weights are best at: `training.metric`."""

from collections.abc import Callable

from components.config import TrainingConfig
from components.errors import ConfigError
from components.evaluation import Metrics
from components.menus import choose

METRICS: dict[str, Callable[[Metrics], float]] = {
    "VAL_F1": lambda metrics: metrics.values["f1"],
    "VAL_HAMMING": lambda metrics: -metrics.values["hamming_distance"],
}
"""How good a tagger is, more being better, over all of val's clips at thresholds tuned on the same clips."""
MODES = {"VAL_F1": "MAX", "VAL_HAMMING": "MIN"}
"""Which way a metric's own number gets better."""


def metric_of(training: TrainingConfig) -> Callable[[Metrics], float]:
    """The metric that the section names.

    Raises:
        ConfigError: if `metric_mode` would keep the worst.
    """
    if training.metric_mode not in (None, MODES[training.metric]):
        raise ConfigError(
            f"training.metric_mode {training.metric_mode} would keep the worst tagger: {training.metric} gets better towards "
            f"{MODES[training.metric]}, so write that or leave it out"
        )
    return choose(METRICS, training.metric, "metric")
