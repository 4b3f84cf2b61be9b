"""timbre predictions: what served models have heard, and how to forget it."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from components.errors import ConfigError
from timbre.cli.console import print_table

app = typer.Typer(help="The prediction log: what served models have heard.", no_args_is_help=True)
Moment = Annotated[str | None, typer.Option(help="7d, 12h, 90m or 2w ago, or a date or time, UTC.")]
Model = Annotated[str | None, typer.Option(help="An alias, name@digest8 or a digest; all where none is given.")]
UNKNOWN = ": nothing is logged of these very bytes; what a service took in seconds ago may come yet, so ask again then"


@app.command("list")
def list_predictions(model: Model = None, limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 20) -> None:
    """Print the last predictions, newest first."""
    with opened() as (registry, predictions):
        found = predictions.last(limit, None if model is None else digest_of(registry, predictions, model))
    if not found:
        print("nothing is logged yet: a service with TIMBRE_PREDICTION_LOG=true logs each clip that it scores")
        return
    rows = []
    for one in found:
        length, loudness = f"{one.duration_s:.1f}" if one.duration_s else "", f"{one.loudness_lufs:.1f}" if one.loudness_lufs else ""
        told = one.error or one.source or ""
        rows.append((f"{one.at:%Y-%m-%d %H:%M:%S}", one.model_key, one.caller, one.content or "", length, loudness, told))
    print_table(["when (UTC)", "model", "caller", "content", "s", "LUFS", "source or error"], rows, right=["s", "LUFS"])


@app.command()
def export(
    file: Annotated[str, typer.Argument(help="A Parquet file to write, here or on S3.")],
    model: Annotated[str, typer.Option(help="An alias, name@digest8 or a digest.")] = "production",
    since: Moment = None,
    until: Moment = None,
) -> None:
    """Write a model's predictions as one table, a row a clip."""
    from components.evaluation.names import plural
    from components.s3 import Remote, is_remote

    with opened() as (registry, predictions):
        period = at(predictions, since), at(predictions, until)
        frame = predictions.frame(digest_of(registry, predictions, model), *period)
    if is_remote(file):
        above, _, name = file.rpartition("/")
        Remote.of(above).put(name, frame.to_parquet(index=False))
    else:
        frame.to_parquet(file, index=False)
    print(f"{plural(len(frame), 'prediction')}: {file}")


@app.command()
def forget(file: Annotated[str, typer.Argument(help="The file, or the BLAKE3 of its bytes as `b3sum` prints it.")]) -> None:
    """Remove every prediction of a file and all audio of it: what was kept, and what `timbre drift retrain` exported.

    What a service has not written yet may follow in seconds. With TIMBRE_LOG_AUDIO as the service has it, audio goes too that was kept for
    a prediction that was never logged.
    """
    from components.evaluation.names import plural
    from components.monitoring import retrain_exports
    from components.monitoring.kept_audio import drop, place_of

    content, place = _content(file), place_of(os.environ.get("TIMBRE_LOG_AUDIO") or "none")
    with opened() as (registry, predictions):
        try:
            gone = predictions.delete_content(content, drop)
        finally:  # audio that cannot be removed keeps nothing else
            exports = retrain_exports.forget(registry.database, content)
    if place is not None:
        drop(place.uri(content))
    told = f", and the clip in {plural(exports, 'export')} of retraining" if exports else "" if gone else UNKNOWN
    print(f"forgotten: {plural(gone, 'prediction')}{told}")


@app.command()
def prune(before: Annotated[str, typer.Option(help="What is older goes: 90d, 12h, 2w, or a date or time, UTC.")]) -> None:
    """Remove old predictions and the audio that no other one names."""
    from components.evaluation.names import plural
    from components.monitoring.kept_audio import drop

    with opened() as (_, predictions):
        if (moment := at(predictions, before)) is None:
            raise ConfigError("--before names no moment: write 90d, or a date")
        gone = predictions.delete_before(moment, drop)
    print(f"forgotten: {plural(gone, 'prediction')}")


@app.command()
def performance(
    model: Annotated[str, typer.Option(help="An alias, name@digest8 or a digest.")] = "production",
    since: Moment = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say how good a model was on what it has scored, by the reviews of clips that the review queue had drawn by lot."""
    from components.monitoring.performance import performance as measured
    from components.registry.reviews import Reviews

    with opened() as (registry, predictions):
        found = measured(Reviews(registry.database), digest_of(registry, predictions, model), at(predictions, since))
    if as_json:
        print(json.dumps(asdict(found), indent=2))
        return
    if not found.sample:
        print(f"no clip that was drawn by lot has been reviewed yet ({found.other} others): the review queue draws every fourth")
        return
    rows = [(one.label, str(one.heard), str(one.found), *map(_share, (one.precision, one.recall, one.f1))) for one in found.labels]
    columns = ["label", "heard", "found", "precision", "recall", "F1"]
    print_table(columns, rows, right=columns[1:])
    print(f"macro F1 {_share(found.macro_f1)}, {found.confidence:.0%} intervals; {found.sample} reviews speak for {found.contents} clips")
    for count, what in (
        (found.other, "reviews do not count, as they were not drawn"),
        (found.missing, "clips were drawn and not reviewed"),
        (found.unseen, "clips are of weeks of which none was drawn and reviewed"),
    ):
        if count:
            print(f"{count} {what}")


def _share(share: Any) -> str:
    return "unknown" if share.value is None else f"{share.value:.3f} ({share.low:.3f} to {share.high:.3f})"


@contextmanager
def opened() -> Iterator[tuple[Any, Any]]:
    """The registry and the prediction log."""
    from components.registry import Registry
    from components.registry.predictions import Predictions

    with Registry.look() as registry:
        yield registry, Predictions(registry.database)


def digest_of(registry: Any, predictions: Any, name: str) -> str:
    """The digest of a model that has scored; it need not be registered here, nor be active."""
    from components.errors import RegistryError
    from components.registry import UnknownModel

    seen = {key: one.digest for one in reversed(predictions.models_seen()) for key in (one.digest, one.key)}
    try:
        return seen.get(name) or str(registry.look_up(name).digest)
    except UnknownModel:
        told = ", ".join(key for key in seen if "@" in key) or "none"
        raise RegistryError(f"no model {name!r} has scored anything here; those that have: {told}") from None


def at(predictions: Any, text: str | None) -> datetime | None:
    """The moment that is meant, by the database's clock."""
    from components.monitoring.moments import moment

    return moment(text, predictions.clock()) if text else None


def _content(file: str) -> str:
    """The BLAKE3 of a file, or the one that is written there."""
    from components.audio import content_of

    if re.fullmatch(r"[0-9a-fA-F]{64}", file.strip()):
        return file.strip().lower()
    if not Path(file).is_file():
        raise ConfigError(f"{file} is neither a file nor a BLAKE3: name one of them")
    return content_of(file)
