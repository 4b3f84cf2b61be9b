"""timbre predict: which labels play in these files."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from timbre.cli.console import BatchSize, DeviceName, Workers, log_to_stderr, print_table

if TYPE_CHECKING:
    import pandas as pd

    from timbre.face import Tagger


def predict(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Audio files, folders, globs or TYPE:PATH.")],
    model: Annotated[
        str, typer.Option(help="A registered model (production, latest, name@digest8), a tagger folder or a run folder.")
    ] = "production",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON with all scores.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV with all scores.")] = False,
    windows: Annotated[bool, typer.Option("--windows", help="The scores of each window instead of each clip.")] = False,
    threshold: Annotated[float | None, typer.Option(min=0, max=1, help="One for all labels, instead of the model's own.")] = None,
    batch_size: BatchSize = 32,
    num_workers: Workers = None,
    device: DeviceName = "auto",
) -> None:
    """Print the labels of each clip with their scores; a file that cannot be read is named and the others go on.

    Exit code 2 where no file could be read.
    """
    from components.errors import ConfigError
    from components.memory import keep_freed
    from components.progress import bars
    from timbre.face import Tagger, audio_files

    if as_json and as_csv:
        raise ConfigError("--json and --csv ask for two forms of one output: give one of them")

    log_to_stderr()
    keep_freed()
    files = audio_files(paths)
    tagger = Tagger.open(model, device=device)
    if windows:
        frame = tagger.windows_frame(files, progress=bars, batch_size=batch_size, workers=num_workers)
    else:
        frame = tagger.predict(files, progress=bars, batch_size=batch_size, workers=num_workers, threshold=threshold)
    if as_json:
        print(frame.to_json(orient="records", indent=2, double_precision=7))
    elif as_csv:
        flat = frame.assign(labels=frame["labels"].str.join(" ")) if "labels" in frame else frame
        flat.to_csv(sys.stdout, index=False)
    elif windows:
        _print_windows(frame, tagger)
    else:
        print_clips(frame, tagger)
    if "error" in frame and frame["error"].notna().all():
        raise typer.Exit(2)


def print_clips(frame: "pd.DataFrame", tagger: "Tagger") -> None:
    """Print a table of predictions, as `Tagger.predict` gives it: each clip with its labels, the surest first."""
    names = dict(zip(tagger.label_set.codes, tagger.label_set.full_names, strict=True))
    rows = []
    for row in frame.to_dict("records"):
        scored = sorted(((row[f"score_{code}"], names[code]) for code in row["labels"]), reverse=True)
        found = ", ".join(f"{name} {score:.2f}" for score, name in scored) or "none above its threshold"
        rows.append((row["path"], row["error"] or found))
    print_table(["clip", "labels"], rows)


def _print_windows(frame: "pd.DataFrame", tagger: "Tagger") -> None:
    codes = tagger.label_set.codes
    rows = [
        (row["path"], f"{row['start_s']:.1f}-{row['end_s']:.1f}", *(f"{row[f'score_{code}']:.2f}" for code in codes))
        for row in frame.to_dict("records")
    ]
    print_table(["clip", "seconds", *codes], rows, right=["seconds", *codes])
