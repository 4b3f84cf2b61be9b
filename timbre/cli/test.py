"""timbre test: how good a tagger is on data sets of one's own."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from timbre.cli.console import BatchSize, DeviceName, Workers, log_to_stderr

if TYPE_CHECKING:
    from components.testing import Tested


def try_out(
    dataset_paths: Annotated[list[str], typer.Option(metavar="TYPE:PATH...", help="What to test on; inference: gives predictions only.")],
    model: Annotated[str, typer.Option("--model", "--ckpt", help="A registered model, a tagger folder or a run folder.")] = "production",
    out_dir: Annotated[Path | None, typer.Option(help="Where the files go; a new folder under models/ where none.")] = None,
    save_roc: Annotated[bool, typer.Option("--save-roc", help="ROC and precision-recall curves of each instrument.")] = False,
    save_confusion: Annotated[bool, typer.Option("--save-confusion", help="Which mistakes go together, and 2x2 tables.")] = False,
    save_metric_hist: Annotated[bool, typer.Option("--save-metric-hist", help="Histograms of the metrics over clips.")] = False,
    save_instrument_metrics: Annotated[
        bool, typer.Option("--save-instrument-metrics", help="A table and a picture of each instrument's metrics.")
    ] = False,
    batch_size: BatchSize = 32,
    num_workers: Workers = None,
    device: DeviceName = "auto",
) -> None:
    """Judge a tagger on labelled clips as the training pipeline does: predictions, metrics and the pictures that are asked for.

    Exit code 2 where no file could be read.
    """
    from components.config import EvaluationConfig
    from components.memory import keep_freed
    from components.progress import bars
    from components.testing import Wanted, run, write_test
    from components.training import new_run_folder
    from timbre.face import Tagger

    log_to_stderr()
    keep_freed()
    tagger = Tagger.open(model, device)
    tested = run(tagger, dataset_paths, EvaluationConfig(), bars, batch_size, num_workers)
    wanted = Wanted(save_roc, save_confusion, save_metric_hist, save_instrument_metrics)
    files = write_test(tested, out_dir or new_run_folder(f"test_{tagger.name}"), wanted)
    _print(tested)
    for file in files:
        print(f"wrote {file}")
    if tested.heard_nothing:
        raise typer.Exit(2)


def _print(tested: "Tested") -> None:
    from components.evaluation.card import card
    from components.tagger.tables import clip_table
    from timbre.cli.predict import print_clips
    from timbre.cli.results import print_card

    for bad in tested.bad:
        print(f"left out: {bad.path}: {bad.reason}")
    for note in tested.notes:
        print(f"note: {note}")
    if tested.judgement is not None:
        print_card(card(tested.judgement))
    if tested.unlabelled:
        print_clips(clip_table(tested.unlabelled, tested.tagger.label_set, tested.tagger.thresholds, tested.tagger.task), tested.tagger)
