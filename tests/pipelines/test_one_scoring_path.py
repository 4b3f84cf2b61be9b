"""The same clips give the same scores wherever they are scored: pipeline, command line, notebook, any batch size."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from components.evaluation.reference import read_reference
from tests.pipelines.conftest import Project

pytestmark = pytest.mark.slow
TOLERANCE = 1e-5

NOTEBOOK = """
import json, soundfile
from pathlib import Path
from timbre import Tagger
tagger = Tagger.open("production", device="cpu")
paths = [str(path) for path in sorted(Path("data/test").rglob("*.wav"))]
scores = {"alone": [tagger.score(*soundfile.read(path)).tolist() for path in paths]}
columns = [f"score_{code}" for code in tagger.label_set.codes]
for batch_size in (1, 7, 32):
    scores[str(batch_size)] = tagger.predict(paths, batch_size=batch_size)[columns].to_numpy().tolist()
print(json.dumps(scores))
"""


EVALUATION = """
from zenml.client import Client
from pipelines.export import outputs_of
print(outputs_of(Client().list_pipeline_runs(pipeline="training", size=1)[0])["evaluation"].load())
"""


@pytest.fixture(scope="module")
def trained(project: Project) -> Project:
    project.run("timbre", "train", "--set", "gate.min_f1=0")
    return project


def pipeline_scores(project: Project) -> np.ndarray:
    """What the evaluate step kept, by path."""
    folder = Path(project.python(EVALUATION).splitlines()[-1])
    table = pd.read_parquet(folder / "predictions.parquet").sort_values("path")
    return table[[column for column in table if column.startswith("score_")]].to_numpy()


def test_every_path_gives_the_same_scores(trained: Project) -> None:
    expected = pipeline_scores(trained)
    assert expected.shape == (6, 3)
    for name, scores in json.loads(trained.python(NOTEBOOK).splitlines()[-1]).items():
        assert np.abs(np.array(scores) - expected).max() <= TOLERANCE, name
    printed = trained.run("timbre", "predict", "--json", "--device", "cpu", "data/test").stdout
    rows = sorted(json.loads(printed), key=lambda row: row["path"])
    by_command = np.array([[row[f"score_{code}"] for code in ("cel", "flu", "pia")] for row in rows])
    assert np.abs(by_command - expected).max() <= TOLERANCE


def test_what_is_served_has_a_reference_of_the_judged_clips(trained: Project) -> None:
    digest = json.loads(trained.run("timbre", "models", "list", "--json").stdout)[0]["digest"]
    served = trained.folder / ".timbre" / "models" / digest
    assert "reference.parquet" in json.loads((served / "attachments.json").read_text())
    table = read_reference(served)
    assert table.attrs == {"digest": digest, "split": "test", "clips": 6}
    scores = table[[column for column in table if column.startswith("score_")]].to_numpy()
    assert np.array_equal(scores, pipeline_scores(trained))
    assert (table["sample_rate"].unique().tolist(), table["channels"].unique().tolist()) == ([44100], [2])
    assert table.filter(like="embedding_").shape == (6, 32)
    assert table.notna().all(axis=None)


def test_a_test_gives_the_numbers_of_the_pipeline(trained: Project) -> None:
    trained.run("timbre", "test", "--dataset-paths", "irmastest:data/test", "--out-dir", "tested", "--device", "cpu")
    found = yaml.safe_load((trained.folder / "tested" / "metrics.yaml").read_text())
    expected = json.loads((trained.folder / "metrics.json").read_text())
    assert {name: found[name] for name in expected} == expected
    compared = json.loads(trained.run("timbre", "compare", "tested", "production", "--json").stdout)
    assert {one["value"] for one in compared["differences"][1].values()} == {0.0}


def test_the_three_doors_run_the_same_pipeline(trained: Project) -> None:
    before = (trained.folder / "metrics.json").read_bytes()
    (trained.folder / "metrics.json").unlink()
    steps = "print(__import__('json').dumps({n: s.status.value for n, s in __import__('zenml').client.Client()"
    steps += ".list_pipeline_runs(sort_by='desc:created', size=1)[0].steps.items()}))"
    trained.run("zenml", "init")
    trained.run("zenml", "pipeline", "run", "training")
    statuses = json.loads(trained.python(f"import zenml.client; {steps}").splitlines()[-1])
    assert statuses["train"] == "cached"
    assert (trained.folder / "metrics.json").read_bytes() == before


def test_a_second_run_registers_nothing_new(trained: Project) -> None:
    trained.run("timbre", "train", "--set", "gate.min_f1=0")
    models = json.loads(trained.run("timbre", "models", "list", "--json").stdout)
    assert len(models) == 1
    assert models[0]["aliases"] == ["production", "latest"]


def test_a_gate_that_says_no_keeps_the_model_inactive(trained: Project) -> None:
    result = trained.run("timbre", "train", "--seed", "5", "--set", "gate.min_difference=1")
    models = json.loads(trained.run("timbre", "models", "list", "--json").stdout)
    loser = next(model for model in models if not model["aliases"])
    assert not loser["is_active"]
    assert "not promoted" in result.stdout


def test_a_missing_class_stops_the_run_in_one_sentence(trained: Project) -> None:
    result = trained.run("timbre", "train", "--set", "labels=[cel, flu, pia, vio]", check=False)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert "vio" in result.stderr.strip().splitlines()[-1]
