"""The manifest: its digest, its targets, its file."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.datasets import Manifest
from components.errors import DataError
from components.labels import from_codes

AB = from_codes(["a", "b"])


PLAIN: dict[str, object] = {
    "sha256": "0" * 64,
    "duration_s": 1.5,
    "sample_rate": 8000,
    "channels": 1,
    "labels": ["a"],
    "unknown": [],
    "split": "train",
    "source": "csv",
    "fold": "",
}


def row(clip_id: str, **changes) -> dict[str, object]:
    return PLAIN | {"clip_id": clip_id, "path": f"/data/{clip_id}", "group": clip_id} | changes


@pytest.fixture
def manifest() -> Manifest:
    return Manifest.of_rows([row("y", labels=[], unknown=["b"], split="val"), row("x", labels=["a", "b"])], AB)


def test_rows_are_in_the_order_of_ids(manifest: Manifest) -> None:
    assert manifest.frame["clip_id"].tolist() == ["x", "y"]
    assert len(manifest) == 2


def test_targets_and_mask(manifest: Manifest) -> None:
    targets, mask = manifest.targets()
    assert (targets.dtype, mask.dtype) == (np.float32, np.float32)
    assert targets.tolist() == [[1, 1], [0, 0]]
    assert mask.tolist() == [[1, 1], [1, 0]]
    assert manifest.targets("val")[1].tolist() == [[1, 0]]
    assert manifest.targets("test")[0].shape == (0, 2)
    assert manifest.of("val").frame["clip_id"].tolist() == ["y"]


def test_the_digest_is_pinned(manifest: Manifest) -> None:
    assert manifest.digest == "86371541148e8356fdf099c61e2c4834c2738c3fb532f8c3e2db15496877b4cd"


def test_the_digest_leaves_the_path_out_and_nothing_else(manifest: Manifest) -> None:
    base = Manifest.of_rows([row("x")], AB).digest
    assert Manifest.of_rows([row("x", path="/elsewhere/x")], AB).digest == base
    audio = {"sha256": "1" * 64, "duration_s": 1.6, "sample_rate": 44100, "channels": 2}
    truth = {"labels": ["b"], "unknown": ["b"]}
    place = {"clip_id": "z", "group": "g", "split": "test", "source": "irmastest", "fold": "1"}
    for name, value in (audio | truth | place).items():
        assert Manifest.of_rows([row("x") | {name: value}], AB).digest != base, name
    assert Manifest.of_rows([row("x")], from_codes(["a", "c"])).digest != base


def test_the_order_of_rows_does_not_matter() -> None:
    rows = [row("x"), row("y"), row("z")]
    assert Manifest.of_rows(rows, AB).digest == Manifest.of_rows(rows[::-1], AB).digest


def test_it_is_read_as_it_was_written(manifest: Manifest, tmp_path: Path) -> None:
    path = manifest.write(tmp_path / "deep/manifest.parquet")
    again = Manifest.read(path)
    assert again.frame.equals(manifest.frame)
    assert (again.label_set, again.digest) == (manifest.label_set, manifest.digest)
    assert [entry.name for entry in path.parent.iterdir()] == ["manifest.parquet"]


def test_an_empty_one_is_read_too(tmp_path: Path) -> None:
    empty = Manifest.of_rows([], AB)
    assert Manifest.read(empty.write(tmp_path / "m.parquet")).digest == empty.digest
    assert empty.targets()[0].shape == (0, 2)


@pytest.mark.parametrize("content", [b"", b"PAR1 but not really"])
def test_a_damaged_one_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.parquet").write_bytes(content)
    with pytest.raises(DataError, match=r"m\.parquet is damaged or no manifest: run validate again"):
        Manifest.read(tmp_path / "m.parquet")


def test_a_missing_or_foreign_one_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not there"):
        Manifest.read(tmp_path / "m.parquet")
    pq.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    with pytest.raises(DataError, match="is damaged or no manifest"):
        Manifest.read(tmp_path / "other.parquet")
