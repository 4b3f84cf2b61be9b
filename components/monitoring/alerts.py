"""Tell people once when a drift begins and once when it ends; what could not be sent is sent at the next period."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from components.evaluation.names import plural
from components.monitoring.channels import Channel, Message, Unsent
from components.monitoring.look import Look
from components.registry.episodes import BEGAN, DRIFT, REPLACED, Alert, Episode, Episodes, Observation

log = logging.getLogger(__name__)
OF_LABELS = ("scores", "prevalence", "calibration")


@dataclass(frozen=True)
class Told:
    """An alert and whether it was sent: if not, why."""

    alert: Alert
    error: str | None = None

    @property
    def sentence(self) -> str:
        what = f"{self.alert.channel} that episode {self.alert.episode.id} {self.alert.event}"
        return f"told by {what}" if self.error is None else f"not told by {what}: {self.error}; the next period tries again"


def seen(found: Look, watched_as: str) -> Observation:
    """A look at a period as the episodes take it.

    Args:
        watched_as: the name that was asked for.
    """
    findings = found.verdict.findings
    return Observation(
        model=found.watched.digest,
        model_key=f"{found.watched.name}@{found.watched.digest[:8]}",
        watched_as=watched_as,
        since=found.watched.since,
        until=found.watched.until or found.now,
        state=found.verdict.state,
        sentence=found.verdict.sentence,
        labels=tuple(sorted({one.check.name for one in findings if one.check.area in OF_LABELS})),
    )


def follow(episodes: Episodes, period: Observation, channels: Sequence[Channel], who: str) -> list[Told]:
    """Enter a period and tell by each channel what it has not told yet; what was sent, and what could not be."""
    episodes.take(period, who)
    return [told for channel in channels for alert in episodes.due(channel.name) if (told := _tell(episodes, alert, channel, who))]


def _tell(episodes: Episodes, alert: Alert, channel: Channel, who: str) -> Told | None:
    if not episodes.claim(alert):
        return None
    try:
        channel.send(message_of(alert))
    except Unsent as error:
        log.warning("%s", error)
        episodes.failed(alert, str(error))
        return Told(alert, str(error))
    episodes.told(alert, who)
    return Told(alert)


def message_of(alert: Alert) -> Message:
    """What an episode's beginning or end is in words."""
    episode = alert.episode
    kind = "Drift" if episode.kind == DRIFT else episode.kind.capitalize()
    if alert.event == BEGAN:
        since = "" if episode.periods == 1 else f" It has lasted for {plural(episode.periods, 'period')}."
        return Message(
            f"{kind}: {episode.model_key}", episode.last_sentence + since, f"Watched as {episode.watched_as}, {_at(episode.began_at)}"
        )
    return _end(episode, kind)


def _end(episode: Episode, kind: str) -> Message:
    lasted = f"From {_at(episode.began_at)} to {_at(episode.last_at)}, {plural(episode.periods, 'period')}: {episode.sentence}"
    if episode.state == REPLACED:
        text = f"{episode.watched_as} is another model now, so nobody watches this one. {lasted}"
        return Message(f"{kind} over, replaced: {episode.model_key}", text)
    return Message(f"{kind} over: {episode.model_key}", f"The last period shows none any more. {lasted}", f"Ended {_at(episode.ended_at)}")


def _at(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"
