"""Parts of a batch on S3 that two runs have to do with: whoever mends or alters one leaves what another wrote."""

from pathlib import Path

import pyarrow as pa
import pytest

from components.errors import S3Error
from components.registry.predictions import Predictions
from components.s3 import Remote
from components.scoring import score
from components.scoring.model import Model
from components.scoring.parts import FILES, Parts
from components.scoring.rows import encoded
from components.tagger import Tagger
from components.work_config import PredictionConfig
from tests.components.scoring.conftest import CLIPS, OUT, fetched, keys
from tests.components.scoring.test_score import files_in
from tests.fixtures.buckets import Server


def test_whoever_mends_leaves_files_that_are_there(far: PredictionConfig, log: Predictions, server: Server, tmp_path: Path) -> None:
    """The run that wrote the scores may live, and write the files a moment after they were missed."""
    score(far)
    parts = Parts.at(OUT, Model.find(far.model).digest)
    [(batch, part), *_] = parts.names(FILES)
    parts.write(FILES, batch, part, parts.read(FILES, batch, part).slice(0, 1), missing=True)
    assert len(files_in(fetched(server, far, tmp_path / "fetched").out)) == CLIPS


def test_a_part_that_another_changes_meanwhile_is_changed_as_it_then_is(
    far: PredictionConfig, tagger: Tagger, log: Predictions, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    score(far)
    parts = Parts.at(OUT, tagger.digest)
    [(batch, part), *_] = parts.names(FILES)
    key = next(key for key in keys(server, "files") if part in key)
    once: list[int] = []

    def change(table: pa.Table) -> pa.Table:
        if not once:
            server.put(key, encoded(table.slice(1)), bucket="scores")
        once.append(len(table))
        return table.slice(1)

    parts.alter(FILES, batch, part, change)
    assert (once, parts.read(FILES, batch, part).num_rows) == ([5, 4], 3)
    monkeypatch.setattr(Remote, "swap", lambda *_: None)
    with pytest.raises(S3Error, match="changes all the while"):
        parts.alter(FILES, batch, part, change)
    parts.alter(FILES, batch, "none", change)
