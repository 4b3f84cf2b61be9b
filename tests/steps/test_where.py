"""Where a step's work is done travels with the step, and is nothing that its cache compares."""

import warnings

import pytest
from zenml.steps import BaseStep

from components.config import ExecutionConfig, load_config
from steps.where import execution, run_on

THERE = ExecutionConfig(dask_address="tcp://scheduler:8786")


@pytest.fixture(scope="module")
def featurize() -> BaseStep:
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # ZenML's store imports Python's crypt
        from steps.featurize import featurize
    return featurize


def test_it_is_no_parameter(featurize: BaseStep) -> None:
    step = run_on(THERE, featurize)
    assert step.configuration.parameters == featurize.configuration.parameters
    assert step.configuration.caching_parameters == featurize.configuration.caching_parameters
    assert step.configuration.extra == {"execution": {"dask_address": "tcp://scheduler:8786"}}
    assert step.configuration.name == featurize.configuration.name
    assert featurize.configuration.extra == {}


def test_a_step_that_is_called_as_a_function_works_here() -> None:
    assert execution() == ExecutionConfig()


def test_no_training_depends_on_it() -> None:
    config = load_config(overrides=["execution.dask_address=tcp://scheduler:8786", "prediction.data=[data]"])
    assert config.execution == THERE
    assert config.recipe == load_config().recipe
