"""Where the report of a gate that says no is found."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from components.config import AudioConfig, DataConfig
from components.errors import DataError
from components.validation import Verdict
from steps import validate
from tests.fixtures.buckets import s3_environment

PAGE = "<p>Kein Klang: ♪</p>"


@pytest.fixture(autouse=True)
def gate(monkeypatch: pytest.MonkeyPatch) -> None:
    gathered = SimpleNamespace(manifest=SimpleNamespace(digest="abc"))
    monkeypatch.setattr(validate, "build_manifest", lambda *_, **__: gathered)
    monkeypatch.setattr(validate, "check", lambda *_: Verdict(False, ["flu has no clip in train"], PAGE))


def refused() -> str:
    with pytest.raises(DataError) as caught:
        validate.validate.entrypoint("IRMAS", DataConfig(), AudioConfig())
    return str(caught.value)


def test_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("TIMBRE_STORE", str(tmp_path / "store"))
    assert refused() == f"flu has no clip in train (report: {tmp_path}/store/data_report.html)"
    assert (tmp_path / "store" / "data_report.html").read_text(encoding="utf-8") == PAGE


def test_a_bucket_as_the_pod_and_its_folders_are_gone_when_somebody_reads_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    with s3_environment(monkeypatch, tmp_path / "mirror", "music") as server:
        monkeypatch.setenv("TIMBRE_STORE", "s3://music/store/")
        assert refused() == "flu has no clip in train (report: s3://music/store/data_reports/abc.html)"
        kept = server.client.get_object(Bucket="music", Key="store/data_reports/abc.html")["Body"].read()
    assert kept.decode() == PAGE
