"""timbre models: what may be served, and which of it is in production."""

import json
from pathlib import Path
from typing import Annotated

import typer

from components.who import who
from timbre.cli.console import log_to_stderr, print_table

app = typer.Typer(help="The registry: which taggers there are, and which one is in production.", no_args_is_help=True)
Key = Annotated[str, typer.Argument(help="An alias, name@digest8, a digest or an id.")]
Reason = Annotated[str, typer.Option(help="Why; it goes into the audit trail.")]


@app.command("list")
def list_models(
    everything: Annotated[bool, typer.Option("--all", help="Archived ones too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the registered models, newest first."""
    from components.registry import Registry

    registry = Registry()  # looking makes none
    models = registry.list(include_archived=everything, page_size=1000).items if registry.database.is_there else []
    registry.close()
    if as_json:
        print(json.dumps([model.as_json() for model in models], indent=2))
        return
    if not models:
        where = "" if registry.database.is_there else f", as {registry.address} does not exist"
        print(f"no models registered here{where}: timbre train --config configs/sample.yaml makes one, or set TIMBRE_DATABASE_URL")
        return
    rows = []
    for model in models:
        state = "archived" if model.archived_at else "active" if model.is_active else "inactive"
        f1 = f"{model.eval_metrics['f1_score']:.3f} ({model.split})"
        rows.append((model.key, ", ".join(model.aliases), state, f1, f"{model.created_at:%Y-%m-%d %H:%M}", model.task))
    print_table(["model", "alias", "state", "macro F1", "registered (UTC)", "task"], rows, right=["macro F1"])


@app.command()
def show(key: Key = "production") -> None:
    """Print all that the registry knows about a model, as JSON."""
    from components.registry import Registry

    with Registry.look() as registry:
        print(json.dumps(registry.look_up(key).as_json(), indent=2))


@app.command()
def promote(key: Key, reason: Reason = "") -> None:
    """Put a model in production; your word goes over the gate's."""
    from components.registry import Registry

    with Registry.look() as registry:
        print(f"in production: {registry.promote(key, who(), reason).key}")


@app.command()
def rollback(reason: Reason = "") -> None:
    """Put back what was in production before."""
    from components.registry import Registry

    with Registry.look() as registry:
        print(f"in production: {registry.roll_back(who(), reason).key}")


@app.command()
def archive(key: Key) -> None:
    """Keep a model for audit only, for good."""
    from components.registry import Registry

    with Registry.look() as registry:
        print(f"archived: {registry.archive(key, who()).key}")


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="aisfx: CNN9 of aiSFX, trained on sound effects, from PyPI.")],
    wheel: Annotated[Path | None, typer.Option(help="The published wheel, where it is on this machine already.")] = None,
) -> None:
    """Get published weights to start from (`model.pretrained`), which no hub is needed for."""
    from components.menus import choose
    from components.models.fetch_aisfx import fetch_aisfx

    log_to_stderr()
    print(choose({"AISFX": fetch_aisfx}, name, "published weights")(wheel))


@app.command()
def audit(
    key: Annotated[str | None, typer.Argument(help="One model; all where none is given.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many entries.")] = 50,
) -> None:
    """Print who did what, newest first."""
    from components.registry import Registry

    with Registry.look() as registry:
        names = {model.id: model.key for model in registry.list(include_archived=True, page_size=1000).items}
        entries = registry.audit(key, limit)
    rows = [
        (f"{entry.at:%Y-%m-%d %H:%M:%S}", entry.who, entry.action, names.get(entry.model_id or "", ""), _told(entry.detail))
        for entry in entries
    ]
    print_table(["when (UTC)", "who", "what", "model", "detail"], rows)


def _told(detail: dict[str, object]) -> str:
    decision = detail.get("decision")
    told = decision.get("reason") if isinstance(decision, dict) else detail.get("reason")
    return str(told or detail.get("name") or "")
