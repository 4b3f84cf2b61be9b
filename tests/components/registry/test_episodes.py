"""Episodes of drift and their alerts on both databases: once at the beginning, once at the end, whoever looks and however often."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from components.monitoring.alerts import follow, message_of
from components.monitoring.channels import Channel, Email, Webhook
from components.registry.database import Database
from components.registry.episodes import OPEN, RECOVERED, REPLACED, Alert, Episodes, Observation
from tests.fixtures.listeners import mail_server, webhook

from .conftest import UrlMaker

DAY = timedelta(days=1)
MODEL, OTHER = "a" * 64, "b" * 64
GOOD, BAD, UNKNOWN = "no drift", "drift", "too little data"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def url(new_url: UrlMaker) -> str:
    return new_url()


@pytest.fixture
def episodes(url: str) -> Iterator[Episodes]:
    database = Database(url)
    yield Episodes(database)
    database.close()


START = datetime.now(UTC).replace(microsecond=0) - 20 * DAY


def day(place: float, state: str, *labels: str, **given: Any) -> Observation:
    """A period of a day that ends so many days after the start."""
    until = START + place * DAY
    about = {"model": MODEL, "model_key": "m@aaaaaaaa", "watched_as": "production", "since": until - DAY, "until": until, **given}
    return Observation(**about, state=state, sentence=f"Day {place:g}: {state}.", labels=labels)


def titles(got: list[dict[str, Any]]) -> list[str]:
    return [one["blocks"][0]["text"]["text"] for one in got]


def test_an_episode_goes_from_the_first_drift_to_the_first_period_without(episodes: Episodes) -> None:
    assert episodes.take(day(1, GOOD), "ann") is None
    begun = episodes.take(day(2, BAD, "cel"), "ann")
    assert begun is not None
    assert (begun.state, begun.began_at, begun.periods, begun.sentence) == (OPEN, START + 2 * DAY, 1, "Day 2: drift.")
    assert episodes.take(day(3, UNKNOWN), "ann") == begun
    going = episodes.take(day(4, BAD, "cel", "flu"), "ann")
    assert going is not None
    assert (going.id, going.periods, going.labels, going.last_sentence) == (begun.id, 2, (("cel",), ("cel", "flu")), "Day 4: drift.")
    assert episodes.open(MODEL) == going
    over = episodes.take(day(5, GOOD), "ann")
    assert over is not None
    assert (over.id, over.state, over.last_at, over.ended_at) == (begun.id, RECOVERED, START + 4 * DAY, START + 5 * DAY)
    assert episodes.open(MODEL) is None
    again = episodes.take(day(6, BAD), "ann")
    assert again is not None
    assert again.id != begun.id
    assert [one.id for one in episodes.list()] == [again.id, begun.id]


def test_too_little_data_neither_begins_nor_ends(episodes: Episodes) -> None:
    assert episodes.take(day(1, UNKNOWN), "ann") is None
    episodes.take(day(2, BAD), "ann")
    still = episodes.take(day(3, UNKNOWN), "ann")
    assert still is not None
    assert (still.state, still.periods) == (OPEN, 1)


def test_periods_that_overlap_count_once(episodes: Episodes) -> None:
    for hours in range(0, 24, 3):
        episode = episodes.take(day(1 + hours / 24, BAD, "cel"), "ann")
    assert episode is not None
    assert episode.periods == 2  # half a day later is new by half, and the next would be a day later
    assert episode.labels == (("cel",), ("cel",))
    late = day(2 - 2 / 24, BAD)  # a schedule that is a little early still counts
    assert episodes.take(late, "ann").periods == 2  # type: ignore[union-attr]
    assert episodes.take(day(2.1, BAD), "ann").periods == 3  # type: ignore[union-attr]


def test_an_older_period_changes_nothing(episodes: Episodes) -> None:
    episodes.take(day(5, BAD), "ann")
    assert episodes.take(day(4, GOOD), "ann") is None
    assert episodes.open(MODEL) is not None
    episodes.take(day(6, GOOD), "ann")
    assert episodes.take(day(5.5, BAD), "ann") is None
    assert episodes.open(MODEL) is None


def test_a_clock_that_was_ahead_silences_nobody(episodes: Episodes) -> None:
    episodes.take(day(10, BAD, "cel"), "ann")
    episodes.take(day(400, BAD, "cel"), "ann")  # a year from now
    going = episodes.take(day(11, BAD, "flu"), "ann")
    assert going is not None
    assert (going.periods, going.labels, going.last_at) == (3, (("cel",), ("cel",), ("flu",)), START + 11 * DAY)
    assert episodes.take(day(11.2, BAD, "flu"), "ann").periods == 3  # type: ignore[union-attr]
    (one,) = episodes.watched()
    assert one.until == START + 11.2 * DAY
    assert episodes.take(day(11.1, GOOD), "ann") is None
    assert episodes.take(day(12, GOOD), "ann").state == RECOVERED  # type: ignore[union-attr]


def test_models_and_kinds_have_their_own(episodes: Episodes) -> None:
    first = episodes.take(day(1, BAD), "ann")
    other = episodes.take(day(1, BAD, model=OTHER, model_key="m@bbbbbbbb", watched_as="m@bbbbbbbb"), "ann")
    heard = episodes.take(day(1, BAD, kind="performance"), "ann")
    assert len({one.id for one in (first, other, heard) if one is not None}) == 3
    episodes.take(day(2, GOOD, kind="performance"), "ann")
    assert episodes.open(MODEL) is not None
    assert episodes.open(MODEL, "performance") is None


def test_another_model_in_production_ends_the_episode_of_the_last(episodes: Episodes) -> None:
    episodes.take(day(1, BAD), "ann")
    episodes.take(day(1, BAD, watched_as="m@aaaaaaaa", model=OTHER), "ann")
    episodes.take(day(2, UNKNOWN, model="c" * 64), "ann")
    assert [(one.model, one.state) for one in episodes.list()] == [(OTHER, OPEN), (MODEL, REPLACED)]
    assert {one.state for one in episodes.watched()} == {BAD, UNKNOWN}  # the first is not watched any more


@pytest.mark.parametrize("names", [("m@aaaaaaaa", "production"), ("production", "m@aaaaaaaa"), (MODEL, "production", "m@aaaaaaaa")])
def test_a_look_by_the_models_own_name_keeps_nothing_open(episodes: Episodes, names: tuple[str, ...]) -> None:
    for place, name in enumerate(names, start=1):
        episodes.take(day(place, BAD, watched_as=name), "ann")
    episodes.take(day(9, BAD, model=OTHER, model_key="m@bbbbbbbb"), "ann")
    assert [(one.model, one.state) for one in episodes.list()] == [(OTHER, "open"), (MODEL, "replaced")]
    assert [one.model_key for one in episodes.watched()] == ["m@bbbbbbbb"]


def test_the_last_period_of_each_model_is_known(episodes: Episodes) -> None:
    assert episodes.watched() == ()
    episodes.take(day(1, BAD, "cel"), "ann")
    episodes.take(day(2, UNKNOWN), "ann")
    (one,) = episodes.watched()
    assert (one.model_key, one.until, one.state, one.drifts, one.labels) == ("m@aaaaaaaa", START + 2 * DAY, UNKNOWN, True, ("cel",))
    episodes.take(day(3, GOOD), "ann")
    (one,) = episodes.watched()
    assert (one.state, one.drifts, one.labels) == (GOOD, False, ())


def test_one_alert_at_the_beginning_and_one_at_the_end(episodes: Episodes) -> None:
    with webhook() as hook, mail_server() as post:
        channels: list[Channel] = [Webhook(hook.url, 30), Email(f"smtp://127.0.0.1:{post.port}", "a@b.c", ("ann@b.c",), 30)]
        for place, state in enumerate([GOOD, BAD, BAD, UNKNOWN, BAD, GOOD, GOOD, UNKNOWN]):
            follow(episodes, day(12 + place, state), channels, "ann")
            follow(episodes, day(12 + place, state), channels, "ann")
        assert titles(hook.got) == ["Drift: m@aaaaaaaa", "Drift over: m@aaaaaaaa"]
        assert [letter["Subject"] for letter in post.letters] == titles(hook.got)
        assert "Day 13: drift." in hook.got[0]["text"]
        assert "3 periods: Day 13: drift." in hook.got[1]["text"]
        follow(episodes, day(20, BAD), channels, "ann")
        assert titles(hook.got)[2:] == ["Drift: m@aaaaaaaa"]


def test_what_could_not_be_sent_is_sent_at_the_next_period_and_by_that_channel_alone(episodes: Episodes) -> None:
    with webhook() as hook, mail_server() as post:
        channels: list[Channel] = [Webhook(hook.url, 30), Email(f"smtp://127.0.0.1:{post.port}", "a@b.c", ("ann@b.c",), 30)]
        hook.answers = [500]
        first, second = follow(episodes, day(14, BAD), channels, "ann")
        assert first.sentence == f"not told by webhook that episode 1 began: {first.error}; the next period tries again"
        assert second.sentence == "told by email that episode 1 began"
        assert [told.sentence for told in follow(episodes, day(15, UNKNOWN), channels, "ann")] == ["told by webhook that episode 1 began"]
        assert follow(episodes, day(16, BAD), channels, "ann") == []
        assert (len(hook.got), len(post.letters)) == (1, 1)


def test_an_end_tells_of_a_beginning_that_could_not_be_sent(episodes: Episodes) -> None:
    with webhook() as hook:
        hook.answers = [500, 500, 503]
        channels: list[Channel] = [Webhook(hook.url, 30)]
        follow(episodes, day(14, BAD), channels, "ann")
        follow(episodes, day(15, BAD), channels, "ann")
        follow(episodes, day(16, GOOD), channels, "ann")
        assert hook.got == []
        follow(episodes, day(17, GOOD), channels, "ann")
        follow(episodes, day(18, GOOD), channels, "ann")
        assert titles(hook.got) == ["Drift over: m@aaaaaaaa"]
        assert "2 periods: Day 14: drift." in hook.got[0]["text"]


def test_a_new_channel_hears_of_what_lasts_and_not_of_what_is_over(episodes: Episodes) -> None:
    with webhook() as hook:
        for place, state in ((14, BAD), (15, GOOD), (16, BAD)):
            follow(episodes, day(place, state), [], "ann")
        follow(episodes, day(17, BAD), [Webhook(hook.url, 30)], "ann")
        assert titles(hook.got) == ["Drift: m@aaaaaaaa"]
        assert "Day 17: drift. It has lasted for 2 periods." in hook.got[0]["text"]


def test_a_replaced_model_is_told_to_be_over(episodes: Episodes) -> None:
    with webhook() as hook:
        channels: list[Channel] = [Webhook(hook.url, 30)]
        follow(episodes, day(18, BAD), channels, "ann")
        follow(episodes, day(19, GOOD, model=OTHER, model_key="m@bbbbbbbb"), channels, "ann")
        assert titles(hook.got) == ["Drift: m@aaaaaaaa", "Drift over, replaced: m@aaaaaaaa"]
        assert "production is another model now" in hook.got[1]["text"]


def test_runs_at_the_same_time_alert_once(url: str, episodes: Episodes) -> None:
    def run(_: int) -> None:
        database = Database(url)
        try:
            with_own = Episodes(database)
            follow(with_own, day(18, BAD), [Webhook(hook.url, 30)], "ann")
            follow(with_own, day(19, GOOD), [Webhook(hook.url, 30)], "ann")
        finally:
            database.close()

    with webhook() as hook:
        hook.waits_s = 0.3  # so that others come while one sends
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(run, range(6)))
        follow(episodes, day(20, GOOD), [Webhook(hook.url, 30)], "ann")
        told = titles(hook.got)
    assert told.count("Drift over: m@aaaaaaaa") == 1
    assert told.count("Drift: m@aaaaaaaa") <= 1
    assert len(episodes.list()) == 1


def test_a_claim_is_one_runs_until_it_ends(episodes: Episodes, monkeypatch: pytest.MonkeyPatch) -> None:
    episodes.take(day(18, BAD), "ann")
    (alert,) = episodes.due("webhook")
    monkeypatch.setattr("components.registry.episodes.CLAIM_S", -1.0)
    assert episodes.claim(alert)  # by a run that then died
    monkeypatch.undo()
    assert episodes.claim(alert)
    assert not episodes.claim(alert)
    episodes.failed(alert, "no")
    assert episodes.claim(alert)
    episodes.told(alert, "ann")
    assert not episodes.claim(alert)
    assert episodes.due("webhook") == ()


def test_a_beginning_is_not_told_once_it_is_over(episodes: Episodes) -> None:
    episodes.take(day(18, BAD), "ann")
    (alert,) = episodes.due("webhook")
    episodes.take(day(19, GOOD), "ann")
    assert not episodes.claim(alert)


def test_each_step_is_in_the_audit_trail(url: str, episodes: Episodes) -> None:
    from components.registry import Registry

    with webhook() as hook:
        follow(episodes, day(18, BAD), [Webhook(hook.url, 30)], "ann")
        follow(episodes, day(19, GOOD), [Webhook(hook.url, 30)], "bob")
    with Registry.open(url) as registry:
        entries = [(one.who, one.action, one.detail.get("event")) for one in reversed(registry.audit())]
    assert entries == [
        ("ann", "drift began", None),
        ("ann", "drift told", "began"),
        ("bob", "drift ended", None),
        ("bob", "drift told", "ended"),
    ]


def test_words_of_a_kind_that_is_not_drift(episodes: Episodes) -> None:
    episode = episodes.take(day(18, BAD, kind="performance"), "ann")
    assert episode is not None
    assert message_of(Alert(episode, "began", "webhook")).title == "Performance: m@aaaaaaaa"
