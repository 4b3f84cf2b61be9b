"""timbre train: the training pipeline, from the data to the registry."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from timbre.cli.console import log_to_stderr, option
from timbre.cli.zenml import prepare

if TYPE_CHECKING:
    from components.config import Config
    from timbre.record import Record

DATA, PARTS, LEARNING, RATE, RUN = "Data", "Parts", "What is learned", "Learning rate and phases", "The run"
NO_KEYS = ("seeds", "folds", "stack")  # how often and where, which are no keys of a Config
Texts, Text, Number, Rate, Switch = list[str] | None, str | None, int | None, float | None, bool | None


def train(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option("--config", help="A YAML file; TIMBRE_CONFIG or configs/sample.yaml where none.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any key, with the last word: training.lr=1e-4.")
    ] = None,
    train_paths: Texts = option(DATA, "Train on these; the configuration's data are dropped.", metavar="TYPE:PATH..."),
    val_paths: Texts = option(DATA, "Choose weights and thresholds on these.", metavar="TYPE:PATH..."),
    test_paths: Texts = option(DATA, "Judge on these; without them a tagger is judged on val, and not promoted.", metavar="TYPE:PATH..."),
    labels: Text = option(DATA, "IRMAS, OPENMIC, or CSV for the columns of a CSV.", metavar="NAME"),
    task: Text = option(DATA, "multilabel or multiclass.", metavar="NAME"),
    model: Text = option(PARTS, "The backbone.", metavar="NAME"),
    audio_transform: Text = option(PARTS, "The feature.", metavar="NAME"),
    head: Text = option(PARTS, "What makes labels of the backbone's output.", metavar="NAME"),
    pretrained: Text = option(PARTS, "hub, none, aisfx or a path.", metavar="SOURCE"),
    frozen: Switch = option(PARTS, "Train the head alone.", "--frozen/--nofrozen"),
    augmentations: Texts = option(LEARNING, "These instead of the configuration's; none for none.", metavar="NAME..."),
    aug_kwargs: Texts = option(LEARNING, "Their parameters: freq_mask_param=50 sum_n_samples=3.", metavar="NAME=VALUE..."),
    loss_function: Text = option(LEARNING, "The loss.", metavar="NAME"),
    metric: Text = option(LEARNING, "VAL_F1 or VAL_HAMMING: what the best weights are best at.", metavar="NAME"),
    metric_mode: Text = option(LEARNING, "MAX or MIN.", metavar="MODE"),
    patience: Number = option(LEARNING, "End after so many validations that were no better."),
    optimizer: Text = option(RATE, "ADAM or ADAMW.", metavar="NAME"),
    scheduler: Text = option(RATE, "How the rate goes.", metavar="NAME"),
    lr: Rate = option(RATE, "Where the schedule starts."),
    lr_warmup: Rate = option(RATE, "Where the head's own phase starts; it ends at --lr."),
    lr_onecycle_max: Rate = option(RATE, "Where ONECYCLE peaks."),
    finetune_head: Switch = option(RATE, "The head alone first, then the backbone with it.", "--finetune-head/--nofinetune-head"),
    finetune_head_epochs: Number = option(RATE, "How long the head alone."),
    head_after: Text = option(RATE, "The first phase trains what comes from here on.", metavar="LAYER"),
    backbone_after: Text = option(RATE, "The second phase trains what comes from here on.", metavar="LAYER"),
    epochs: Number = option(RUN, "How long; it takes training.max_steps away."),
    batch_size: Number = option(RUN, "Windows a step."),
    num_workers: Number = option(RUN, "Threads that read files."),
    device: Text = option(RUN, "auto, cpu, cuda or cuda:0.", metavar="DEVICE"),
    devices: Text = option(RUN, "GPUs that share each batch, or auto for all.", metavar="N"),
    precision: Text = option(RUN, "auto, 32, bf16 or fp16.", metavar="BITS"),
    seed: Number = option(RUN, "Same seed, same machine, same tagger."),
    name: Text = option(RUN, "What the tagger is called.", metavar="NAME"),
    quick: Switch = option(RUN, "A few clips and batches, the whole way through.", "--quick"),
    ckpt: Text = option(RUN, "Go on from this run folder or checkpoint.", metavar="PATH"),
    seeds: Number = option(RUN, "Train with so many seeds, from --seed on: mean and deviation, and no promotion.", metavar="N"),
    folds: Switch = option(RUN, "Train once a fold of the data's `fold` column, likewise.", "--folds"),
    stack: Text = option(RUN, "Run on a stack that `timbre stack register` has registered.", metavar="NAME"),
) -> None:
    """Validate, featurize, train, evaluate and register; what has not changed is not done again.

    Each flag overrides one key of the configuration. Options that take several values take them one after the other.
    """
    log_to_stderr()
    resolved = resolve(context.params)
    from components.config import default_config
    from components.errors import ConfigError
    from timbre.record import recorded

    what = Path(config or default_config()).stem
    if seeds is None and not folds:
        database_url, followed = _take(stack, resolved)
        with recorded(what, database_url, followed) as record:
            outputs = _run(resolved, record)
        if outputs:
            _export(outputs)
        return
    if stack is not None:
        raise ConfigError("--seeds and --folds train in this process: leave --stack out, or queue a run for each seed")
    with recorded(what):
        from timbre.cli.repeat import repeat

        repeat(resolved, seeds, bool(folds))


def _take(stack: str | None, config: "Config") -> tuple[str | None, bool]:
    """Have this process use a stack; the database of its pods, if it has some, and whether this process waits for its runs."""
    prepare()
    from zenml.client import Client

    from components.stacks.check import DATABASE
    from components.stacks.wants import Wants
    from pipelines.stack_check import take
    from pipelines.stacks import values_of

    told = take(stack, Wants.of_training(config))
    return (values_of(Client().active_stack_model).get(DATABASE), told.cluster.wait) if told.remote else (None, True)


def _run(config: "Config", record: "Record") -> dict[str, Any] | None:
    """The pipeline, and what came of it, if it is done."""
    from zenml.client import Client

    from pipelines.export import outputs_of
    from pipelines.stacks import artifact_sentences, on_active_stack
    from pipelines.training import training
    from timbre.cli.results import print_results

    with artifact_sentences():
        run = on_active_stack(training)(config=config, training_job_id=record.job_id)
        if outputs := outputs_of(Client().get_pipeline_run(run.id)):
            record.made(outputs["registration"].load()["digest"])
            print_results(outputs)
    return outputs


def _export(outputs: dict[str, Any]) -> None:
    """Into the working folder; a run here has done so by itself, but ZenML keeps what goes wrong at a run's end to itself."""
    from pipelines.export import export
    from pipelines.stacks import artifact_sentences

    with artifact_sentences():
        export(outputs)


def resolve(given: dict[str, Any]) -> "Config":
    """The Config that the values of `train`'s parameters, by name, come to."""
    from components.config import default_config, load_config
    from components.overrides import as_texts, overrides_of

    flags = {name: value for name, value in given.items() if value not in (None, ()) and name not in NO_KEYS}
    path = flags.pop("config", None) or default_config()
    kwargs, settings = flags.pop("aug_kwargs", None), flags.pop("settings", None) or []
    overrides = overrides_of(flags)
    config = load_config(path, [*as_texts(overrides), *settings])
    if not kwargs:
        return config
    from components.augmentations import AUGMENTATIONS
    from components.augmentations.kwargs import override_params

    chosen = override_params(config.training.augmentations, kwargs, AUGMENTATIONS)
    overridden = {"training.augmentations": [one.model_dump() for one in chosen]}
    return load_config(path, [*as_texts(overrides), *settings, *as_texts(overridden)])
