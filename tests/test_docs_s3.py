"""docs/s3.md against a real S3 server: every command is typed, and what it fetches or writes lies where the page says."""

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.s3.connect import TRIES
from tests.fixtures.buckets import Server, s3_server
from tests.fixtures.pages import PROGRAMS, ROOT, blocks, broken_links, commands, read, table
from tests.fixtures.postgres import postgres

pytestmark = pytest.mark.slow
PAGE = read("s3.md")
SAID = {
    "timbre data check": r"\nok",
    "timbre predict s3:": r"\.ogg .* \d\.\d\d",
    "timbre train": r"sample@",
    "timbre models list": r"sample@",
    "timbre doctor": r"store on S3 +s3://music/store",
    "timbre predictions export": r"0 predictions: s3://music/predictions/latest.parquet",
    "dvc remote add": r"'music' as a default remote",
    "dvc push": r"pushed|up to date",
}
IN_ORDER = ("timbre data check", "timbre train", "timbre predict s3:", "timbre models list", "timbre doctor", "timbre predictions", "dvc")
A_LABEL = 12
"""Clips of the sample that lie in the bucket, of each label."""


@dataclass
class Shop:
    """A folder to type in, as somebody has it who followed the page."""

    home: Path
    environment: dict[str, str]
    server: Server

    def type(self, command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["bash", "-c", PROGRAMS + command], cwd=self.home, env=self.environment, capture_output=True, text=True, timeout=500
        )

    def keys(self, prefix: str) -> list[str]:
        pages = self.server.client.get_paginator("list_objects_v2").paginate(Bucket="music", Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", ())]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    home = tmp_path_factory.mktemp("shop")
    (home / "configs").symlink_to(ROOT / "configs")
    with s3_server() as server, postgres() as url:
        server.make("music")
        upload(server)
        given = {"TIMBRE_STORE": "s3://music/store", "TIMBRE_MODELS": "s3://music/models", "TIMBRE_DATABASE_URL": url}
        yield Shop(
            home, os.environ | server.environment | given | {"ZENML_CONFIG_PATH": str(home / "zenml"), "PYTHONPATH": str(ROOT)}, server
        )


def upload(server: Server) -> None:
    """A few clips of each label of the sample, in its own layout."""
    for folder in sorted((ROOT / "data" / "sample" / "train").iterdir()):
        for path in sorted(folder.glob("*.ogg"))[:A_LABEL]:
            server.put(f"irmas/train/{folder.name}/{path.name}", path.read_bytes(), "music")
    for path in sorted((ROOT / "data" / "sample" / "test").rglob("*"))[:120]:
        if path.is_file():
            server.put(f"irmas/test/{path.name}", path.read_bytes(), "music")


def test_every_command(shop: Shop) -> None:
    typed = [command.text for program in ("timbre", "dvc") for command in commands(PAGE, program)]
    assert all(command.startswith(IN_ORDER) for command in typed)
    assert shop.type("dvc init --no-scm --quiet").returncode == 0
    for start in IN_ORDER:
        if start == "timbre predict s3:":  # what `--quick` trains is never promoted by itself
            assert shop.type("timbre models promote sample").returncode == 0
        for command in [one for one in typed if one.startswith(start)]:
            done = shop.type(command)
            assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            wanted = next(says for begins, says in SAID.items() if command.startswith(begins))
            assert re.search(wanted, done.stdout + done.stderr), f"{command}\n{done.stdout}"
    assert [key for key in shop.keys("store/clips/") if key.endswith(".npy")]
    assert [key for key in shop.keys("models/") if key.endswith("tagger.json")]
    assert shop.keys("predictions/") == ["predictions/latest.parquet"]
    assert not list(shop.home.rglob(".timbre/store"))


def test_the_table_quotes_what_is_said() -> None:
    source = (ROOT / "components" / "s3" / "connect.py").read_text()
    for said, _ in table(PAGE, "it says"):
        for words in said.strip("`").split("…"):
            assert words.strip(" ()") in source
    assert TRIES == 4
    assert blocks(PAGE)


def test_links() -> None:
    assert broken_links("s3.md") == []
