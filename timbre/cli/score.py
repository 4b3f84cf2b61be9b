"""timbre score: a batch of any size, each clip once a model."""

from pathlib import Path
from typing import Annotated, Any

import typer

from timbre.cli.console import log_to_stderr, print_table
from timbre.cli.zenml import prepare


def score(
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="[PATH...]", help="Folders, files, CSVs, s3://…; prediction.data where none.")
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", help="A YAML file; TIMBRE_CONFIG or configs/sample.yaml where none.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any key, with the last word.")] = None,
    model: Annotated[str | None, typer.Option(help="A registered model or a tagger folder.")] = None,
    out: Annotated[str | None, typer.Option(metavar="PLACE", help="A folder or s3://bucket/prefix for the scores.")] = None,
    log: Annotated[bool | None, typer.Option("--log/--nolog", help="Write the prediction log too.")] = None,
    drift: Annotated[
        bool | None, typer.Option("--drift/--nodrift", help="Compare the batch with the model's reference at its end.")
    ] = None,
    dask_address: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Score on the cluster of this scheduler.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Windows scored at a time.")] = None,
    num_workers: Annotated[int | None, typer.Option(min=1, help="Threads that read files.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    stack: Annotated[str | None, typer.Option(metavar="NAME", help="Score on a stack that `timbre stack register` has registered.")] = None,
) -> None:
    """Score clips into Parquet and the prediction log, by pipelines/prediction.py; what this model has scored there before is left alone.

    A file that cannot be heard is listed with its reason. Exit code 2 where none that is new, or none at all, could be heard.
    """
    log_to_stderr()
    from components.config import default_config, load_config
    from components.overrides import as_texts

    given: dict[str, Any] = {
        "prediction.data": paths or None,
        "prediction.model": model,
        "prediction.out": out,
        "prediction.log": log,
        "prediction.drift": drift,
        "prediction.batch_size": batch_size,
        "prediction.num_workers": num_workers,
        "prediction.device": device,
        "execution.dask_address": dask_address,
    }
    overrides = {key: value for key, value in given.items() if value is not None}
    resolved = load_config(config or default_config(), [*as_texts(overrides), *(settings or [])])
    prepare()
    from zenml.client import Client

    from components.stacks.wants import Wants
    from pipelines.stack_check import take
    from pipelines.stacks import artifact_sentences, on_active_stack, runs_elsewhere

    take(stack, Wants.of_scoring(resolved))
    if not runs_elsewhere():  # the registry and the place are those of this machine, and a run that fails would stay in ZenML
        from components.scoring import look

        look(resolved.prediction)
    from pipelines.prediction import prediction

    with artifact_sentences():
        run = on_active_stack(prediction)(config=resolved)
        steps = Client().get_pipeline_run(run.id).steps
        if "score" not in steps or not steps["score"].status.is_successful:
            return  # it was submitted, and goes on elsewhere
        done = steps["score"].outputs["scored"][-1].load()
        _print(done)
        if "drift" in steps and steps["drift"].status.is_successful:
            print(f"drift: {steps['drift'].outputs['state'][-1].load()}")
    if done["scored"] + done["same"] == 0 and (done["newly_bad"] or not done["before"]):
        raise typer.Exit(2)


def _print(done: dict[str, Any]) -> None:
    if done["first_bad"]:
        print_table(["could not be heard", "why"], [(one["path"], one["reason"]) for one in done["first_bad"]])
    counts = ", ".join(
        f"{done[name]:,} {said}"
        for name, said in (("scored", "scored"), ("before", "before"), ("same", "of equal content"), ("bad", "bad"))
    )
    print(f"{done['model_key']}: {counts}")
    print(f"scores: {done['out']}/scores/model={done['model']}")
