"""An artifact store that is full in the middle of a run: one sentence, and the same command goes on once there is room."""

import shutil
from dataclasses import replace

import pytest

from tests.fixtures.buckets import s3_server
from tests.fixtures.full_bucket import full_bucket
from tests.pipelines.conftest import ROOT, Project


@pytest.mark.slow
def test_a_full_artifact_store_is_said_and_a_run_with_room_goes_on(project: Project):
    (project.folder / "configs" / "stacks").mkdir()
    shutil.copy(ROOT / "configs" / "stacks" / "local_s3.yaml", project.folder / "configs" / "stacks")
    with s3_server() as server, full_bucket(server.url) as bucket:
        server.make("music")
        asked = replace(project, environment={**project.environment, **server.environment, "AWS_ENDPOINT_URL": bucket.url})
        store = ("--set", "artifact_store.path=s3://music/artifacts", "--set", f"artifact_store.endpoint_url={bucket.url}")
        asked.run("timbre", "stack", "register", "local_s3", *store)

        bucket.full = "/artifacts/train/"
        refused = asked.run("timbre", "train", "--stack", "local_s3", check=False)
        said = "timbre: S3 has no room left for s3://music/artifacts: free some, and run again; what was written is kept"
        assert refused.returncode == 2
        assert refused.stderr.splitlines()[-1] == said
        assert "Traceback" not in refused.stderr + refused.stdout
        assert bucket.refused

        bucket.full = None
        done = asked.run("timbre", "train", "--stack", "local_s3")
    cached = [line for line in (done.stdout + done.stderr).splitlines() if "cached version of step" in line]
    assert any("featurize" in line for line in cached)
    assert "sha256 " in done.stdout
