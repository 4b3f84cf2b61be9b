"""timbre drift: whether what is served still is what the tagger was judged on."""

import json
import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from components.who import who
from timbre.cli.console import DeviceName, print_table

if TYPE_CHECKING:
    from components.monitoring.channels import Channel
    from components.monitoring.look import Look

app = typer.Typer(help="Compare what is served with what the tagger was judged on.", no_args_is_help=True)
DRIFT_FOUND = 3
WORKSPACE = "evidently"
ConfigFile = Annotated[Path | None, typer.Option(help="Its section watch holds; the file of TIMBRE_CONFIG, else the defaults.")]


@app.command()
def report(
    since: Annotated[str, typer.Option(help="Where the period begins: 7d, 12h, 90m, 2w ago, or a date.")] = "7d",
    until: Annotated[str | None, typer.Option(help="Where it ends, likewise; now where none.")] = None,
    model: Annotated[str, typer.Option(help="An alias, name@digest8, a digest or an id.")] = "production",
    out: Annotated[Path | None, typer.Option(help="Where report.html and verdict.json go; under .timbre/watch where none.")] = None,
    config: ConfigFile = None,
    dashboard: Annotated[bool, typer.Option(help="Add the period to the dashboard of `timbre drift ui`.")] = True,
    alert: Annotated[
        bool | None,
        typer.Option(help="Keep episodes, and tell who is to be told (watch.alerts); without --until it does, unless you say no."),
    ] = None,
) -> None:
    """Say whether a period of the prediction log has drifted: one sentence, a table of what did, and a page.

    A period that ends now begins an episode where it is the first that drifts, and ends one where it is the first that does not.
    Exit code 3 where drift is found, 0 where not or where there is too little data to tell.
    """
    from components.config import load_config
    from components.monitoring.channels import channels_of
    from components.monitoring.look import look

    watch = load_config(config).watch
    follows = until is None if alert is None else alert
    channels = channels_of(watch.alerts) if follows else []
    found = look(model, since, until, watch.drift)
    print(found.verdict.sentence)
    for note in found.verdict.notes:
        print(note)
    if found.verdict.findings:
        rows = [(one.check.area, one.check.title, one.sentence.split(";")[0], f"{one.check.sure:.2g}") for one in found.verdict.findings]
        print_table(["area", "what", "change", "p"], rows, right=["p"])
    if follows:  # first: who is to be told is told also where there is no room for a report
        _follow(found, model, channels)
    print(f"report: {write(found, out) / 'report.html'}")
    if dashboard:
        _add(found)
    if found.verdict.state == "drift":
        raise typer.Exit(DRIFT_FOUND)


def _follow(found: "Look", watched_as: str, channels: "list[Channel]") -> None:
    """Keep episodes and tell who is to be told; a database or a channel that is away costs no report."""
    from components.errors import RegistryError
    from components.monitoring.alerts import follow, seen
    from components.registry import Registry
    from components.registry.episodes import Episodes

    try:
        with Registry.look() as registry:
            told = follow(Episodes(registry.database), seen(found, watched_as), channels, who())
    except RegistryError as error:
        print(f"the period is not kept: {error}", file=sys.stderr)
        return
    for one in told:
        print(one.sentence, file=sys.stderr if one.error else sys.stdout)


@app.command()
def episodes(limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 20) -> None:
    """Print the episodes of drift, newest first: from the first period that drifted to the first that did not."""
    from components.registry import Registry
    from components.registry.episodes import Episodes

    with Registry.look() as registry:
        found = Episodes(registry.database).list(limit)
    if not found:
        print("no episode yet: `timbre drift report` keeps one when a period drifts")
        return
    rows = [
        (
            str(one.id),
            one.model_key,
            one.kind,
            one.state,
            f"{one.began_at:%Y-%m-%d %H:%M}",
            _minute(one.ended_at),
            str(one.periods),
            one.sentence,
        )
        for one in found
    ]
    print_table(["id", "model", "kind", "state", "began (UTC)", "ended (UTC)", "periods", "first said"], rows, right=["id", "periods"])


def _minute(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M}"


@app.command()
def retrain(
    config: ConfigFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Queue a training on the old data and the reviews where a rule of watch.retrain holds; say why, or why not."""
    from components.config import load_config
    from components.monitoring.retrain import retrain as queue
    from components.monitoring.stored_reviews import reviews_of
    from components.registry import Registry

    watch = load_config(config).watch
    with Registry.look() as registry:
        answer = queue(registry, watch.retrain, reviews_of(registry), who(), dry_run)
    off = "; watch.retrain.enabled is false, so none is queued in any case" if dry_run and not watch.retrain.enabled else ""
    print(f"{answer.sentence}{off}")


@app.command()
def shadow(
    config: Annotated[Path | None, typer.Option(help="Its section gate holds; the file of TIMBRE_CONFIG, else the defaults.")] = None,
    device: DeviceName = "auto",
) -> None:
    """Look once at the candidate in shadow: promote it where it holds on the clips reviewed since, refuse it where it does not."""
    from components.config import load_config
    from components.monitoring.shadow import look
    from components.monitoring.stored_reviews import reviews_of
    from components.registry import Registry

    with Registry.look() as registry:
        print(look(registry, load_config(config).gate, reviews_of(registry), who(), device).sentence)


def write(found: "Look", out: Path | None = None) -> Path:
    """report.html and verdict.json in a folder, which is made where it is missing."""
    from dataclasses import asdict

    from components.files import write_whole
    from components.places import watch_root

    model = f"{found.watched.name}@{found.watched.digest[:8]}"
    folder = out or watch_root() / "reports" / model / f"{found.watched.until:%Y-%m-%d_%H-%M-%S}"
    write_whole(folder / "report.html", found.page.encode())
    write_whole(folder / "verdict.json", (json.dumps(asdict(found.verdict), indent=2, ensure_ascii=False) + "\n").encode())
    return folder


def _add(found: "Look", folder: Path | None = None) -> None:
    """Add the period to Evidently's workspace in a folder, ours where none is given."""
    from importlib.util import find_spec

    from components.monitoring.workspace import keep
    from components.places import watch_root

    if find_spec("evidently") is None:
        print("the dashboard needs Evidently: pip install 'timbre-audio[watch]'")
        return
    moment = found.watched.until or found.now
    keep(found.verdict, found.reference, found.current, found.label_set, found.watched, folder or watch_root() / WORKSPACE, moment)


@app.command()
def ui(
    host: Annotated[str, typer.Option(help="Who may reach it: this machine alone, unless you say otherwise.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8091,
    workspace: Annotated[Path | None, typer.Option(help="Another one, as `timbre drift demo` makes.")] = None,
) -> None:
    """Serve Evidently's dashboards: time series of each model and label, a point a report."""
    from components.errors import ConfigError
    from components.places import watch_root

    folder = workspace or watch_root() / WORKSPACE
    if not folder.exists():
        raise ConfigError(f"{folder} is not there yet: `timbre drift report` adds the first period")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    print(f"dashboards: http://{host}:{port}", flush=True)
    words = ["ui", "--workspace", str(folder), "--host", host, "--port", str(port)]
    os.execv(sys.executable, [sys.executable, "-m", "evidently.cli", *words])  # noqa: S606 - our own words


@app.command()
def demo(
    clips: Annotated[int, typer.Option(min=100, help="Of each period of the stream.")] = 120,
    config: Annotated[Path | None, typer.Option(help="Its section watch.drift holds; the defaults where none.")] = None,
) -> None:
    """Serve the production tagger, send it a stream that changes at known times, and tell when each change was found.

    The stream is the sample's test and val clips; its log lies apart from yours. Exit code 1 where a change was missed, or found where
    there was none.
    """
    import shutil

    for number in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl+C does, so that the service ends too
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    from components.config import load_config
    from components.monitoring.wording import first_advice
    from components.places import watch_root
    from timbre.decay import PHASES, decay

    home = watch_root() / "demo"
    shutil.rmtree(home, ignore_errors=True)
    print(
        f"serving production and sending it {len(PHASES)} periods of {clips} clips; the service's log is {home / 'service.log'}", flush=True
    )
    rows, wrong = [], 0
    for outcome in decay(home, load_config(config).watch.drift, clips=clips):
        found, title = outcome.found, outcome.phase.title or "as before"
        folder = write(found, home / "reports" / f"{outcome.began:%H-%M-%S}")
        _add(found, home / WORKSPACE)
        print(
            f"\n{outcome.began:%H:%M:%S} {title}\n{outcome.seen:%H:%M:%S} {found.verdict.sentence}\n         {folder / 'report.html'}",
            flush=True,
        )
        advice = first_advice(found.verdict.findings) if found.verdict.findings else ""
        changed, seen = (f"{moment:%H:%M:%S}" for moment in (outcome.began, outcome.seen))
        rows.append((title, changed, seen if advice else "", advice, "" if outcome.right else "wrong"))
        wrong += not outcome.right
    print_table(["the stream", "from (UTC)", "found (UTC)", "recommended", ""], rows, title="What changed, and what was found")
    print(f"dashboard: timbre drift ui --workspace {home / WORKSPACE}")
    if wrong:
        raise typer.Exit(1)
