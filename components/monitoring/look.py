"""From a registered model's name to its verdict: which tagger, its reference, its rows of the log, and what people heard in them."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from components.errors import ConfigError
from components.labels import LabelSet
from components.monitoring.drift import drift
from components.monitoring.listen import sounds
from components.monitoring.moments import moment
from components.monitoring.report import Watched, report
from components.monitoring.targets import with_targets
from components.monitoring.verdict import DriftVerdict
from components.watch_config import DriftConfig

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Look:
    """A verdict and what it was made of."""

    verdict: DriftVerdict
    reference: "pd.DataFrame"
    current: "pd.DataFrame"
    label_set: LabelSet
    watched: Watched
    config: DriftConfig
    now: datetime

    @property
    def page(self) -> str:
        """The report, with clips to listen to where audio is kept."""
        heard = sounds(self.reference, self.current, self.label_set, self.verdict, self.now)
        return report(self.verdict, self.reference, self.current, self.label_set, self.watched, self.config, self.now, heard)


def look(model: str, since: str | None, until: str | None, config: DriftConfig, url: str | None = None) -> Look:
    """Compare what a registered model scored with its reference.

    Args:
        model: an alias, name@digest8, digest or id.
        since, until: see `moment`.
        url: of the database; TIMBRE_DATABASE_URL where none is given.
    Raises:
        RegistryError: if the model or the database is not there.
        TaggerError: if the model has no reference.
        ConfigError: if a moment is none, or the period ends before it begins.
    """
    from components.evaluation.reference import read_reference
    from components.registry import Registry
    from components.registry.predictions import Predictions
    from components.registry.records import rfc3339
    from components.registry.reviews import Reviews
    from components.tagger.folder import check

    with Registry.look(url) as registry:
        found = registry.look_up(model)
        folder = registry.folder(found)
        log = Predictions(registry.database)
        now = log.clock()
        first, end = moment(since, now), moment(until, now)
        if first is not None and first >= (end or now):
            raise ConfigError(f"the period begins at {rfc3339(first)} and ends at {rfc3339(end or now)}: let it begin earlier")
        current = with_targets(log.frame(found.digest, first, end), Reviews(registry.database).list(found.digest, first, end), now)
    labels, reference = check(folder, found.digest).settings.label_set, read_reference(folder)
    verdict = drift(reference, current, labels, config, now)
    return Look(verdict, reference, current, labels, Watched(found.name, found.digest, first, end or now), config, now)
