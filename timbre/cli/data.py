"""timbre data: look at a data set, fetch a public one, render the sample, export what people reviewed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from timbre.cli.console import log_to_stderr, print_table
from timbre.cli.predictions import Moment, at, digest_of, opened

if TYPE_CHECKING:
    from components.datasets import Manifest

app = typer.Typer(help="Data sets: check, fetch, render, export.", no_args_is_help=True)


@app.command()
def check(
    datasets: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TYPE:PATH]...", help="What to check, e.g. irmastrain:data/sample/train; a Config's own data where none."),
    ] = None,
    labels: Annotated[str | None, typer.Option(help="IRMAS, OPENMIC, IRMAS_OPENMIC, or CSV for a CSV's own columns.")] = None,
    config: Annotated[Path | None, typer.Option("--config", help="A YAML file, as for timbre train.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write the HTML report here.")] = None,
) -> None:
    """Run the pipeline's validation on data sets and say what is wrong; exit code 2 where training would refuse them.

    Data sets that are named here are looked at as they lie; a Config's own are split as they would be for training.
    """
    from components.config import default_config, load_config
    from components.datasets import build_manifest
    from components.places import checks_root
    from components.progress import bars
    from components.validation import validate

    log_to_stderr()
    overrides: dict[str, object] = {} if labels is None else {"labels": labels}
    if datasets:
        overrides |= {"data.train": datasets, "data.val": [], "data.test": [], "data.reviewed": []}
        overrides |= {"data.val_share": 0.0, "data.test_share": 0.0}
    resolved = load_config(config or (None if datasets else default_config()), overrides)
    data = resolved.data
    gathered = build_manifest(data, resolved.labels, resolved.audio, progress=bars, task=resolved.task)
    verdict = validate(gathered, data, checks_root())
    frame = gathered.manifest.frame
    print_counts(gathered.manifest)
    for bad in gathered.bad:
        print(f"left out: {bad.path}: {bad.reason}")
    for note in gathered.notes:
        print(f"note: {note}")
    if report:
        report.write_text(verdict.html, encoding="utf-8")
        print(f"report: {report}")
    print(f"{len(frame)} clips, {frame['duration_s'].sum() / 60:.1f} min, {frame['group'].nunique()} groups, {len(gathered.bad)} left out")
    if not verdict.ok:
        for failure in verdict.failures:
            typer.echo(f"timbre: {failure}", err=True)
        raise typer.Exit(2)
    print("ok")


def print_counts(manifest: "Manifest") -> None:
    """How many clips have each label and, where some truth is unknown, of how many it is known."""
    with_label, unknown = (manifest.frame[column].explode().value_counts() for column in ("labels", "unknown"))
    rows = [
        (label.code, label.full_name, str(with_label.get(label.code, 0)), str(len(manifest) - unknown.get(label.code, 0)))
        for label in manifest.label_set.labels
    ]
    shown = 4 if len(unknown) else 3
    print_table(["label", "full name", "clips", "known"][:shown], [row[:shown] for row in rows], right=["clips", "known"][: shown - 2])


@app.command()
def preview(
    out: Annotated[Path, typer.Argument(metavar="OUT.html", help="Where the page goes.")],
    config: Annotated[Path | None, typer.Option("--config", help="Show this YAML file's augmentations; all where none is given.")] = None,
    clip: Annotated[Path | None, typer.Option(help="The clip to change; plucked notes where none is given.")] = None,
    noise_folder: Annotated[Path | None, typer.Option(help="For BACKGROUND_NOISE, where no --config names it.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same page.")] = 0,
) -> None:
    """Write a page with spectrograms and players from before and after each augmentation."""
    from components.config import Config, load_config
    from components.files import write_whole
    from components.preview import all_sections, beside_it, page, window_of

    log_to_stderr()
    resolved = load_config(config) if config else Config()
    sections = resolved.training.augmentations if config else all_sections(noise_folder)
    rate = resolved.audio.sample_rate
    batch = beside_it(window_of(clip, rate, resolved.windows.length_s), rate)
    made = page(batch, sections, rate, resolved.feature, clip.name if clip else "plucked notes", configured=config is not None, seed=seed)
    write_whole(out, made.encode())
    print(f"page: {out} ({len(sections)} augmentations)")
    if not config and noise_folder is None:
        print("left out: BACKGROUND_NOISE, which needs --noise-folder")


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="irmas or openmic.")],
    folder: Annotated[Path, typer.Argument(help="Where to unpack it.")],
) -> None:
    """Download a public data set from its official archive; a broken download goes on where it stopped."""
    from components.datasets.fetch import fetch as download
    from components.progress import bars

    log_to_stderr()
    for spec in download(name, folder, progress=bars):
        print(spec)


@app.command()
def render(
    folder: Annotated[Path, typer.Argument(help="Where the sample data go.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 0,
) -> None:
    """Render the sample data from free soundfonts (needs libfluidsynth; for maintainers, users get the data by `dvc pull`)."""
    from components.datasets.sample import render_sample

    log_to_stderr()
    render_sample(folder, seed)


@app.command("export-reviews")
def export_reviews(
    folder: Annotated[Path, typer.Argument(help="Where labels.csv, reviews.jsonl and audio/ go; an earlier export is brought up to date.")],
    model: Annotated[str, typer.Option(help="Whose labels are the columns: an alias, name@digest8 or a digest.")] = "production",
    since: Moment = None,
) -> None:
    """Write what people reviewed as a data set, with the clips that are kept or still lie below TIMBRE_DATA_ROOTS unchanged."""
    from components.evaluation.names import plural
    from components.monitoring.review_export import export
    from components.registry.reviews import Reviews

    with opened() as (registry, predictions):
        reviews = Reviews(registry.database)
        labels = reviews.labels(digest_of(registry, predictions, model))
        made = export(reviews.list(since=at(predictions, since)), labels, folder)
    print(f"csv:{made.table}")
    print(plural(made.clips, "clip") + (f"; {made.gone} left out, as their audio is gone" if made.gone else ""))
