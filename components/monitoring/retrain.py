"""Whether it is time to train anew on the old data and the reviews, and the job that does so: queued once for each reason."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import select

from components.config import load_config
from components.errors import ConfigError
from components.evaluation.names import listed, plural
from components.monitoring.retrain_exports import OWNER, exported, remove_unnamed
from components.monitoring.reviewed import LiveF1, Reviews
from components.registry import RegisteredModel, Registry
from components.registry.episodes import Episodes
from components.registry.errors import KeyReused
from components.registry.history import note
from components.registry.job import CANCELLED, ENDED, FAILED, SUCCEEDED, Job
from components.registry.job_request import config_file
from components.registry.jobs import Jobs
from components.registry.leases import clock
from components.registry.tables import AuditRow, JobRow, ModelRow
from components.watch_config import RetrainConfig

QUEUED = "retrain queued"
AGAIN = ":again-"  # in a key, before how many jobs of the same reason came to nothing
NOTHING_CAME = (FAILED, CANCELLED)
MOST_NAMED = 6
Rule = Literal["drift", "live F1", "reviews"]


@dataclass(frozen=True)
class Facts:
    """What a decision stands on.

    Attributes:
        model: the digest of what is in production.
        episode: the number of its open episode of drift.
        periods: the labels that drifted in each period of that, the oldest first.
        new_reviews: since the last retraining that did not come to nothing.
        done: the reasons that were followed, of any model.
        lost: those whose jobs failed or were cancelled, once a job.
        last_at: when the last job was queued, whatever came of it.
        under_way: the job of the last, where it has not ended.
    """

    model: str
    now: datetime
    episode: int | None = None
    periods: Sequence[Sequence[str]] = ()
    live: LiveF1 | None = None
    new_reviews: int = 0
    done: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    last_at: datetime | None = None
    under_way: str | None = None


@dataclass(frozen=True)
class Answer:
    """Whether to train anew, by which rule, and why or why not in one sentence.

    Attributes:
        key: the same for the same reason, so that a job of it is queued once.
        job: its id, once it is queued.
    """

    queue: bool
    sentence: str
    rule: Rule | None = None
    key: str | None = None
    job: str | None = None


def decide(facts: Facts, config: RetrainConfig) -> Answer:
    """Whether a rule holds and nothing speaks against it."""
    found = next((rule for rule in _rules(facts, config) if rule.key not in facts.done), None)
    if found is None:
        return Answer(False, "no retraining: no rule of watch.retrain holds that was not followed before")
    because = found.because
    if facts.under_way is not None:
        return Answer(False, f"no retraining yet, though {because}: job {facts.under_way} is not done", found.rule)
    if facts.last_at is not None and facts.now < (again := facts.last_at + timedelta(days=config.cooldown_days)):
        when = f"the last was queued on {facts.last_at:%Y-%m-%d}, the next may be on {again:%Y-%m-%d}"
        return Answer(False, f"no retraining yet, though {because}: {when}", found.rule)
    if facts.new_reviews == 0:
        why = "no clip was reviewed since the last, so there is nothing new to learn: review some"
        return Answer(False, f"no retraining, though {because}: {why}", found.rule)
    return Answer(True, f"retraining on {plural(facts.new_reviews, 'new review')}: {because}", found.rule, _key(facts, found.key))


@dataclass(frozen=True)
class _Holds:
    """A rule that holds, why, and what tells this reason from another of it."""

    rule: Rule
    because: str
    key: str


def _rules(facts: Facts, config: RetrainConfig) -> Iterator[_Holds]:
    """The rules that hold, the first to be followed first."""
    key, place = f"retrain:{facts.model[:16]}", len(facts.done) + len(facts.lost)
    if config.drift_labels is not None and facts.episode is not None and len(facts.periods) >= config.drift_periods:
        lasting = set.intersection(*(set(labels) for labels in facts.periods[-config.drift_periods :]))
        if len(lasting) >= config.drift_labels:
            shown = listed(sorted(lasting)) if len(lasting) <= MOST_NAMED else plural(len(lasting), "label")
            yield _Holds("drift", f"{shown} drifted in {plural(config.drift_periods, 'period')} on end", f"{key}:drift:{facts.episode}")
    live = facts.live
    if config.min_live_f1 is not None and live is not None and live.high < config.min_live_f1:
        because = f"macro F1 on {plural(live.clips, 'reviewed clip')} is {live.f1:.3f} ({live.low:.3f} to {live.high:.3f})"
        yield _Holds("live F1", f"{because}, below watch.retrain.min_live_f1 {config.min_live_f1:g}", f"{key}:f1:{place}")
    if config.min_new_reviews is not None and facts.new_reviews >= config.min_new_reviews:
        many = f"{plural(facts.new_reviews, 'clip')} {'was' if facts.new_reviews == 1 else 'were'} reviewed since the last"
        yield _Holds("reviews", many, f"{key}:reviews:{place}")


def _key(facts: Facts, reason: str) -> str:
    """Of the next job of a reason: another one than that of each job that came to nothing."""
    tries = facts.lost.count(reason)
    return f"{reason}{AGAIN}{tries}" if tries else reason


def facts_of(registry: Registry, reviews: Reviews) -> Facts:
    """What is known of the model in production.

    Raises:
        UnknownModel: if nothing is.
    """
    model = registry.find()
    episode = Episodes(registry.database).open(model.digest)
    with registry.database.read() as session:
        entries = session.scalars(select(AuditRow).where(AuditRow.action == QUEUED).order_by(AuditRow.id)).all()
        last = entries[-1] if entries else None
        states = dict(session.execute(select(JobRow.id, JobRow.state).where(JobRow.owner == OWNER)).tuples().all())
        moment = clock(session)
    reasons = [(str(entry.detail.get("key")).partition(AGAIN)[0], states.get(str(entry.detail.get("job")))) for entry in entries]
    useful = [entry.at for entry, (_, state) in zip(entries, reasons, strict=True) if state not in NOTHING_CAME]
    job = None if last is None else str(last.detail.get("job"))
    return Facts(
        model=model.digest,
        now=moment,
        episode=None if episode is None else episode.id,
        periods=() if episode is None else episode.labels,
        live=reviews.live_f1(model.digest),
        new_reviews=reviews.count_since(useful[-1] if useful else None),
        done=tuple(reason for reason, state in reasons if state not in NOTHING_CAME),
        lost=tuple(reason for reason, state in reasons if state in NOTHING_CAME),
        last_at=None if last is None else last.at,
        under_way=None if job is None or states.get(job, SUCCEEDED) in ENDED else job,
    )


def retrain(registry: Registry, config: RetrainConfig, reviews: Reviews, who: str, dry_run: bool = False) -> Answer:
    """Queue a training of the configuration `config.base` on its data and the reviewed clips, where it is time.

    Args:
        dry_run: only say what would be done.
    Raises:
        ConfigError: if there is no such configuration.
        UnknownModel: if nothing is in production.
    """
    if not (config.enabled or dry_run):
        return Answer(False, "no retraining: watch.retrain.enabled is false: set it to true where a rule is to queue one")
    answer = decide(facts_of(registry, reviews), config)
    if dry_run or not answer.queue or answer.key is None:
        return answer
    jobs = Jobs(registry.database)
    job = jobs.of_key(OWNER, answer.key)
    if job is None:
        job = _submit(jobs, config, reviews, answer.key)
    model = registry.find()
    if not _enter(registry, model, who, job=job.id, rule=answer.rule, reason=answer.sentence, config=job.config, key=answer.key):
        return Answer(False, f"no retraining: job {job.id} was queued for this reason before", answer.rule, answer.key, job.id)
    return Answer(True, f"{answer.sentence}: job {job.id} trains {job.config}", answer.rule, answer.key, job.id)


def _submit(jobs: Jobs, config: RetrainConfig, reviews: Reviews, key: str) -> Job:
    """The reviewed clips beside the configuration's own; nothing of them becomes a test, which would change with each review."""
    data = load_config(config_file(config.base)).data
    if not data.train:
        raise ConfigError(f"watch.retrain.base: configs/{config.base} names no data.train: name one that does")
    csv = exported(config.folder, reviews, key)
    overrides: dict[str, Any] = {"data.reviewed": [*data.reviewed, f"csv:{csv}"], "data.test_share": 0.0}
    try:
        job = jobs.submit(config.base, overrides, OWNER, key)
    except KeyReused:  # another run was first, with other reviews
        if (first := jobs.of_key(OWNER, key)) is None:
            raise
        job = first
    remove_unnamed(csv, job, key)
    return job


def _enter(registry: Registry, model: RegisteredModel, who: str, **detail: Any) -> bool:
    """The entry in the audit trail; False where another run made it."""
    with registry.database.write() as session:
        known = session.scalars(select(AuditRow.detail).where(AuditRow.action == QUEUED))
        if any(entry.get("key") == detail["key"] for entry in known):
            return False
        note(session, who, QUEUED, session.get(ModelRow, model.id), **detail)
        return True
