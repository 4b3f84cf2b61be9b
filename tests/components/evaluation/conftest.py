"""The judgement of tests/fixtures, made once, and a training curve."""

import numpy as np
import pandas as pd
import pytest

from components.evaluation.judgement import Judgement
from tests.fixtures.judgements import make_judgement


@pytest.fixture(scope="session")
def judgement() -> Judgement:
    return make_judgement()


@pytest.fixture(scope="session")
def history() -> pd.DataFrame:
    steps = np.arange(200, 3001, 200)
    rate = np.interp(steps, [0, 900, 3000], [1e-4, 1e-3, 0])
    return pd.DataFrame(
        {
            "step": steps,
            "train_loss": 0.1 + 0.5 * np.exp(-steps / 700),
            "val_f1": 0.75 - 0.6 * np.exp(-steps / 600) + 0.01 * np.sin(steps),
            "val_map": 0.82 - 0.6 * np.exp(-steps / 500),
            "lr": rate,
        }
    )
