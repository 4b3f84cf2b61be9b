"""OpenMIC-2018's layout, from its arrays and from its CSV."""

import json
from pathlib import Path

import numpy as np
import pytest

from components.datasets.openmic import read_openmic
from components.errors import DataError
from components.labels import IRMAS, OPENMIC

KEYS = ["000046_3840", "000135_483840", "155311_453120"]
LABELS = {
    ("000046_3840", "flute"): 0.0,
    ("000046_3840", "clarinet"): 0.17105,
    ("000135_483840", "guitar"): 0.5,
    ("155311_453120", "voice"): 1.0,
    ("155311_453120", "violin"): 0.49999,
}


def write_arrays(root: Path, keys: np.ndarray) -> None:
    truth, mask = np.full((3, 20), 0.5), np.zeros((3, 20), bool)
    for (key, label), share in LABELS.items():
        place = KEYS.index(key), OPENMIC.index[label]
        truth[place], mask[place] = share, True
    np.savez(root / "openmic-2018.npz", X=np.zeros((3, 10, 128), int), Y_true=truth, Y_mask=mask, sample_key=keys)


def write_table(root: Path) -> None:
    rows = [f"{key},{label},{share},3" for (key, label), share in LABELS.items()]
    (root / "openmic-2018-aggregated-labels.csv").write_text("\n".join(["sample_key,instrument,relevance,num_responses", *rows, ""]))


@pytest.fixture
def root(tone, tmp_path: Path) -> Path:
    for key in KEYS:
        tone(f"openmic-2018/audio/{key[:3]}/{key}.ogg")
    folder = tmp_path / "openmic-2018"
    (folder / "partitions").mkdir()
    (folder / "partitions/split01_train.csv").write_text(f"{KEYS[0]}\n{KEYS[1]}\n")
    (folder / "partitions/split01_test.csv").write_text(f"{KEYS[2]}\r\n")
    (folder / "class-map.json").write_text(json.dumps(OPENMIC.index))
    return folder


def check(dataset) -> None:
    first, second, third = dataset.clips
    assert [clip.group for clip in dataset.clips] == ["000046", "000135", "155311"]
    assert [clip.split for clip in dataset.clips] == ["train", "train", "test"]
    assert (first.labels, second.labels, third.labels) == (frozenset(), {"guitar"}, {"voice"})  # 0.5 counts, 0.49999 does not
    assert set(OPENMIC.codes) - first.unknown == {"flute", "clarinet"}
    assert set(OPENMIC.codes) - third.unknown == {"voice", "violin"}
    assert first.name == "audio/000/000046_3840.ogg"


def test_from_arrays(root: Path) -> None:
    write_arrays(root, np.array(KEYS))
    dataset = read_openmic(str(root), OPENMIC)
    check(dataset)
    assert (dataset.bad, dataset.notes) == ([], [])


def test_from_the_table_alone_and_from_the_folder_above(root: Path) -> None:
    write_table(root)
    check(read_openmic(str(root.parent), OPENMIC))


def test_pickled_keys_are_not_opened_but_read_from_the_table(root: Path) -> None:
    write_arrays(root, np.array(KEYS, dtype=object))
    write_table(root)
    dataset = read_openmic(str(root), OPENMIC)
    check(dataset)
    assert "labels are from openmic-2018-aggregated-labels.csv" in dataset.notes[0]


def test_pickled_keys_without_the_table_are_an_error(root: Path) -> None:
    write_arrays(root, np.array(KEYS, dtype=object))
    with pytest.raises(DataError, match="cannot be read without unpickling"):
        read_openmic(str(root), OPENMIC)


def test_damaged_arrays_are_an_error(root: Path) -> None:
    (root / "openmic-2018.npz").write_bytes(b"PK not a zip")
    with pytest.raises(DataError, match="cannot be read without unpickling"):
        read_openmic(str(root), OPENMIC)


def test_audio_and_labels_without_each_other_are_reported(tone, root: Path) -> None:
    write_table(root)
    (root / f"audio/000/{KEYS[0]}.ogg").unlink()
    tone("openmic-2018/audio/999/999999_0.ogg")
    dataset = read_openmic(str(root), OPENMIC)
    assert [clip.name for clip in dataset.clips] == [f"audio/000/{KEYS[1]}.ogg", f"audio/155/{KEYS[2]}.ogg"]
    assert {Path(bad.path).name: bad.reason for bad in dataset.bad} == {
        f"{KEYS[0]}.ogg": "is not there, though it has labels",
        "999999_0.ogg": "has no labels",
    }


def test_without_partitions_there_is_no_split(root: Path) -> None:
    write_table(root)
    (root / "partitions/split01_test.csv").unlink()
    dataset = read_openmic(str(root), OPENMIC)
    assert [clip.split for clip in dataset.clips] == [None, None, None]
    assert "has no partitions/split01_test.csv" in dataset.notes[0]


def test_a_key_in_both_partitions_is_an_error(root: Path) -> None:
    write_table(root)
    (root / "partitions/split01_test.csv").write_text(f"{KEYS[0]}\n")
    with pytest.raises(DataError, match=f"{KEYS[0]} is in the train partition too"):
        read_openmic(str(root), OPENMIC)


def test_another_label_set_is_an_error(root: Path) -> None:
    write_table(root)
    with pytest.raises(DataError, match="label 'clarinet' is not in IRMAS"):
        read_openmic(str(root), IRMAS)


def test_another_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not OpenMIC-2018: it has no folder audio"):
        read_openmic(str(tmp_path), OPENMIC)


def test_nothing_with_labels_is_an_error(root: Path) -> None:
    with pytest.raises(DataError, match=r"has neither openmic-2018\.npz nor"):
        read_openmic(str(root), OPENMIC)
