"""validate → featurize → train → evaluate → register: labelled clips in, a registered tagger out."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from components.config import Config, default_config, load_config
from components.registry import names
from components.training.quick import quick_data
from components.training.rehearse import rehearse
from pipelines.cached import look_at_cached
from pipelines.config_files import share
from pipelines.export import export_own
from pipelines.image import IN_IMAGE
from pipelines.signals import wait_to_stop
from steps.evaluate import evaluate
from steps.featurize import featurize
from steps.register import register
from steps.train import train
from steps.validate import validate
from steps.where import run_on

share()
wait_to_stop()
look_at_cached()


@pipeline(name="training", on_cleanup=export_own, execution_mode=ExecutionMode.FAIL_FAST, settings={"docker": IN_IMAGE})
def training(config: Config | None = None, training_job_id: str | None = None) -> None:
    """Run the whole chain; without a Config, the one that TIMBRE_CONFIG names, else the sample's.

    Args:
        training_job_id: of the job that this is, which the registered tagger then names.
    """
    config = config or load_config(default_config())
    names.check(config.name)  # registration comes last and would refuse it only then
    rehearse(config)
    data = quick_data(config.data) if config.training.quick else config.data
    manifest, _ = validate(labels=config.labels, data=data, audio=config.audio, task=config.task)
    decode = run_on(config.execution, featurize)
    store = decode(manifest=manifest, audio=config.audio, max_bad_fraction=data.max_bad_fraction, num_workers=data.num_workers)
    tagger = train(store=store, recipe=config.recipe)
    evaluation, _ = evaluate(tagger=tagger, store=store, evaluation=config.evaluation, recipe=config.recipe)
    register(tagger=tagger, evaluation=evaluation, store=store, gate=config.gate, training_job_id=training_job_id)
