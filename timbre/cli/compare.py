"""timbre compare: taggers side by side, with the interval of each difference."""

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from timbre.cli.console import BatchSize, DeviceName, Workers, log_to_stderr, print_table

if TYPE_CHECKING:
    from components.evaluation.comparison import Comparison, Contender, Difference

SHOWN = ("f1", "precision", "recall", "micro_f1", "mAP", "LRAP", "roc_auc", "accuracy", "calibration_error")


def compare(
    names: Annotated[
        list[str], typer.Argument(metavar="A B...", help="Registered models, tagger or run folders, or what timbre test kept.")
    ],
    dataset_paths: Annotated[
        list[str] | None, typer.Option(metavar="TYPE:PATH...", help="Score all anew on these; the predictions that were kept where none.")
    ] = None,
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999, help="Of the intervals.")] = 0.95,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON with every metric.")] = False,
    batch_size: BatchSize = 32,
    num_workers: Workers = None,
    device: DeviceName = "auto",
) -> None:
    """Compare each with the first on the same clips, by a paired bootstrap over groups.

    Without --dataset-paths the predictions are taken that the pipeline or timbre test kept, on the clips that all of them share.
    """
    from components.errors import DataError
    from components.evaluation import comparison

    if len(names) < 2:
        raise DataError(f"there is nothing to compare {names[0]} with: name two or more")
    log_to_stderr()
    contenders = [_heard(name, dataset_paths, device, batch_size, num_workers) if dataset_paths else _kept(name) for name in names]
    made = comparison.compare(_told_apart(contenders, names), confidence)
    if as_json:
        print(json.dumps(_plain(made), indent=2))
    else:
        _print(made)


def _heard(name: str, specs: list[str], device: str, batch_size: int, workers: int | None) -> "Contender":
    from components.config import EvaluationConfig
    from components.errors import DataError
    from components.evaluation.comparison import Contender
    from components.progress import bars
    from components.testing import run
    from timbre.face import Tagger

    tagger = Tagger.open(name, device)
    tested = run(tagger, specs, EvaluationConfig(bootstrap_rounds=1), bars, batch_size, workers)
    if tested.judgement is None:
        raise DataError(f"{', '.join(specs)} bring no labels to compare by: name data sets of another type than inference:")
    return Contender(f"{tagger.name}@{tagger.digest[:8]}", tagger.label_set, tested.judgement.predictions, tagger.task)


def _kept(name: str) -> "Contender":
    from pathlib import Path

    from components.errors import DataError
    from components.registry import Registry
    from components.testing import kept_in
    from timbre.face import tagger_folder

    if Path(name).exists() and (found := kept_in(name) or kept_in(tagger_folder(name) or name)):
        return found
    if not Path(name).exists():
        with Registry.look() as registry:
            if found := kept_in(registry.folder(registry.look_up(name))):
                return found
    raise DataError(f"no predictions of {name} were kept: name the clips to compare on by --dataset-paths TYPE:PATH")


def _told_apart(contenders: "list[Contender]", names: list[str]) -> "list[Contender]":
    """Two that are called alike get the names that were typed."""
    from dataclasses import replace

    alike = len({one.name for one in contenders}) < len(contenders)
    return [replace(one, name=name) if alike else one for one, name in zip(contenders, names, strict=True)]


def _print(made: "Comparison") -> None:
    left_out = f", {made.left_out:,} that not all were judged on left out" if made.left_out else ""
    title = f"{made.clips:,} clips of {made.groups:,} groups{left_out}"
    columns = ["", *made.names, *(f"{name} less the first" for name in made.names[1:])]
    overall = [_row(made, name, name) for name in SHOWN]
    labels = [_row(made, f"instruments/{name}_f1", f"{name} F1") for name in made.label_set.full_names]
    print_table(columns, [*overall, *labels], title, right=columns[1:])
    print(f"{made.confidence:.0%} intervals of the differences; * where the interval leaves 0 out")


def _row(made: "Comparison", name: str, shown: str) -> tuple[str, ...]:
    values = [f"{value:.3f}" if (value := values.get(name)) is not None else "-" for values in made.values]
    return (shown, *values, *(_difference(found.get(name)) for found in made.differences))


def _difference(found: "Difference | None") -> str:
    if found is None:
        return "-"
    bounds = f" ({found.low:+.3f} to {found.high:+.3f})" if math.isfinite(found.low) else ""
    return f"{found.value:+.3f}{bounds}{' *' if found.is_clear else '  '}"


def _plain(made: "Comparison") -> dict[str, object]:
    differences = [
        {name: {key: value if math.isfinite(value) else None for key, value in asdict(one).items()} for name, one in found.items()}
        for found in made.differences
    ]
    told = {"clips": made.clips, "groups": made.groups, "left_out": made.left_out, "confidence": made.confidence}
    return {**told, "names": made.names, "values": made.values, "differences": [None, *differences]}
