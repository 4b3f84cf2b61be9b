"""An artifact store that is full in the middle of a run: one sentence, and the same command goes on once there is room."""

import re
import shutil
from dataclasses import replace

import pytest

from tests.fixtures.buckets import Server, s3_server
from tests.fixtures.full_bucket import full_bucket
from tests.pipelines.conftest import ROOT, Project


def kept(server: Server) -> list[str]:
    found = server.client.list_objects_v2(Bucket="music", Prefix="artifacts/timbre-checkpoints/")
    return [one["Key"] for one in found.get("Contents", ()) if one["Key"].endswith("last.ckpt")]


def refused(asked: Project) -> list[str]:
    """The lines of a training that ends in a sentence, as there is no room for its tagger."""
    ended = asked.run("timbre", "train", "--stack", "local_s3", check=False)
    told = (ended.stdout + ended.stderr).splitlines()
    assert ended.returncode == 2
    assert told[-1] == "timbre: S3 has no room left for s3://music/artifacts: free some, and run again; what was written is kept"
    assert not [line for line in told if "Traceback" in line]
    return told


@pytest.mark.slow
def test_a_full_artifact_store_is_said_and_a_run_with_room_goes_on(project: Project):
    (project.folder / "configs" / "stacks").mkdir()
    shutil.copy(ROOT / "configs" / "stacks" / "local_s3.yaml", project.folder / "configs" / "stacks")
    with s3_server() as server, full_bucket(server.url) as bucket:
        server.make("music")
        asked = replace(project, environment={**project.environment, **server.environment, "AWS_ENDPOINT_URL": bucket.url})
        store = ("--set", "artifact_store.path=s3://music/artifacts", "--set", f"artifact_store.endpoint_url={bucket.url}")
        asked.run("timbre", "stack", "register", "local_s3", *store)

        bucket.full, bucket.spared = "/artifacts/", ("/artifacts/validate/", "/artifacts/featurize/")
        told = refused(asked)
        refusals = re.findall(r"the checkpoint could not be kept at \S+ \(.*XMinioStorageFull.*\): (.+)", "\n".join(told))
        assert refusals[-1] == "not tried again, as training has ended"
        assert len([path for path in bucket.refused if "timbre-checkpoints" in path]) == len(refusals)
        assert not kept(server)

        bucket.full = "/artifacts/train/"
        refused(asked)
        assert kept(server)

        bucket.full = None
        done = asked.run("timbre", "train", "--stack", "local_s3")
        assert not kept(server)
    told = (done.stdout + done.stderr).splitlines()
    assert any("cached version of step" in line and "featurize" in line for line in told)
    assert any("going on from the checkpoint" in line for line in told)
    assert any("resumed after step" in line for line in told)
    assert "sha256 " in done.stdout
