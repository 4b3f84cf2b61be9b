"""The prediction pipeline, killed and run again, through each of its doors; and where work ran makes no other run."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.dataset as ds
import pytest

from components.registry.database import Database
from components.registry.predictions import Predictions
from tests.fixtures.dask_cluster import dask_cluster
from tests.fixtures.manifests import noisy_clips
from tests.fixtures.running import small_tagger, until
from tests.pipelines.conftest import Project

pytestmark = pytest.mark.slow
CLIPS, TOLERANCE = 400, 1e-5
IN_SMALL_PARTS = (
    "from components.scoring import keep; from timbre.cli import main; keep.PART_ROWS = 20; import sys; del sys.argv[0]; main()"
)
SCORES = ["score_low", "score_mid", "score_high"]


@pytest.fixture(scope="module")
def place(project: Project) -> Project:
    """A project with a tagger and clips to score."""
    small_tagger(project.folder / "small")
    noisy_clips(project.folder / "data" / "many", CLIPS, duration_s=3.0, sample_rate=22050)
    return project


def scores(place: Project, out: str) -> pd.DataFrame:
    found = ds.dataset(place.folder / out / "scores", partitioning="hive").to_table().to_pandas()
    return found.sort_values("path").reset_index(drop=True)


def command(out: str, *more: str) -> list[str]:
    return ["timbre", "score", "data/many", "--model", "small", "--out", out, "--device", "cpu", *more]


def test_killed_in_its_midst_it_goes_on(place: Project) -> None:
    slowly = {**place.environment, "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-c", IN_SMALL_PARTS, *command("killed", "--num-workers", "1", "--batch-size", "1")]
    with subprocess.Popen(words, cwd=place.folder, env=slowly, start_new_session=True) as process:
        until(lambda: list((place.folder / "killed" / "files").glob("*/*/[!.]*.parquet")), 400)
        os.killpg(process.pid, signal.SIGKILL)
    assert 'finished": null' in next((place.folder / "killed" / "batches").glob("*/*.json")).read_text()
    again = place.run(*command("killed"))
    assert "small@" in again.stdout
    scored, before = map(int, re.search(r"(\d+) scored, (\d+) before", again.stdout).groups())
    assert before > 0
    assert scored + before == CLIPS
    table = scores(place, "killed")
    assert table["content"].nunique() == len(table) == CLIPS
    printed = place.run("timbre", "predict", "data/many", "--model", "small", "--csv", "--device", "cpu").stdout
    (place.folder / "predicted.csv").write_text(printed)
    predicted = pd.read_csv(place.folder / "predicted.csv").sort_values("path").reset_index(drop=True)
    assert np.abs(table[SCORES].to_numpy() - predicted[SCORES].to_numpy()).max() <= TOLERANCE
    database = Database(f"sqlite:///{place.folder / '.timbre' / 'timbre.db'}")
    assert Predictions(database).count() == CLIPS
    database.close()
    third = place.run(*command("killed"))
    assert f"0 scored, {CLIPS} before" in third.stdout


def test_a_missing_file_is_told_once(place: Project) -> None:
    result = place.run("timbre", "score", "nofile.wav", "--model", "small", "--out", "missing", check=False)
    assert result.returncode == 2
    assert (result.stdout + result.stderr).count("nofile.wav is not there") == 1
    assert result.stderr.strip().splitlines()[-1].startswith("timbre: nofile.wav is not there")


def test_the_pipeline_is_found_by_its_name(place: Project, tmp_path: Path) -> None:
    (place.folder / "configs" / "batch.yaml").write_text("prediction: {data: [data/many], model: small, out: named, device: cpu}\n")
    named = Project(place.folder, {**place.environment, "TIMBRE_CONFIG": "configs/batch.yaml"})
    named.run("zenml", "init", check=False)
    named.run("zenml", "pipeline", "run", "prediction")
    assert len(scores(place, "named")) == CLIPS


def test_a_served_model_is_compared_with_its_reference(place: Project) -> None:
    place.run("timbre", "train", "--set", "gate.min_f1=0")
    done = place.run("timbre", "score", "data/test", "--out", "drifted", "--drift", "--device", "cpu")
    assert "drift: too little data" in done.stdout
    unlogged = place.run("timbre", "score", "data/test", "--drift", "--nolog", check=False)
    assert unlogged.returncode == 2
    assert "log is false: set log to true" in unlogged.stderr.strip().splitlines()[-1]


STATUSES = (
    "import json; from zenml.client import Client; run = Client().list_pipeline_runs(sort_by='desc:created', size=1)[0]; "
    "print(json.dumps({name: step.status.value for name, step in run.steps.items()}))"
)


def test_where_it_ran_makes_no_other_run(place: Project, tmp_path: Path) -> None:
    """Trained over a cluster, then here: nothing is done anew. Decoded here from nothing, it is the same store, so nothing is trained."""
    train = ["timbre", "train", "--set", "gate.min_f1=0", "--set", "audio.sample_rate=16000"]
    with dask_cluster(tmp_path / "cluster", PYTHONPATH=str(place.folder)) as cluster:
        there = ["--set", f"execution.dask_address={cluster.address}"]
        far = digest(place.run(*train, *there).stdout)
    assert (digest(place.run(*train).stdout), done(place)) == (far, ("cached", "cached"))
    shutil.rmtree(place.folder / ".timbre" / "store")
    assert (digest(place.run(*train).stdout), done(place)) == (far, ("completed", "cached"))
    gone = place.run(*train, *there, "--set", "audio.sample_rate=11025", check=False)
    assert gone.returncode == 2
    assert gone.stderr.strip().splitlines()[-1].startswith("timbre: no Dask scheduler answers at tcp://127.0.0.1:")


def done(place: Project) -> tuple[str, str]:
    """What became of featurize and train in the last run."""
    statuses = json.loads(place.python(STATUSES).splitlines()[-1])
    return statuses["featurize"], statuses["train"]


def digest(said: str) -> str:
    found = re.search(r"sha256 (\w{64})", said)
    assert found, said
    return found[1]
