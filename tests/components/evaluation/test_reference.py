"""What drift compares with: which clips, which columns, and how it is read."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from components.audio.facts import Facts
from components.errors import TaggerError
from components.evaluation.reference import REFERENCE, read_reference, reference_of, sample
from components.labels import IRMAS
from tests.fixtures.judgements import make_judgement

INPUTS = ["duration_s", "sample_rate", "channels", "loudness_lufs", "peak_db", "silent_share", "clipped_share"]


def manifest(judgement):
    return judgement.predictions.assign(sample_rate=44100, channels=2)


def embeddings(judgement):
    return np.random.default_rng(0).normal(size=(len(judgement.predictions), 32)).astype(np.float32)


def facts_at(place):
    return Facts(None if place == 0 else -20.0 - place, -place / 10, 0.25, 0.0)


def made(judgement):
    return reference_of(judgement, manifest(judgement), embeddings(judgement), facts_at)


def many(clips):
    return pd.DataFrame({"clip_id": [f"{place:05d}" for place in range(clips)], "group": [f"{place // 10}" for place in range(clips)]})


def test_columns_and_their_types(judgement):
    table = made(judgement)
    by_label = [f"{kind}_{code}" for kind in ("score", "decision", "target") for code in IRMAS.codes]
    assert list(table) == ["clip_id", *INPUTS, *by_label, *(f"embedding_{number:02d}" for number in range(32))]
    kinds = {"score": "float32", "decision": "int8", "target": "float32", "embedding": "float32"}
    assert {table[name].dtype for name in INPUTS} == {np.dtype("float64")}
    assert all(table[name].dtype == kinds[name.split("_")[0]] for name in table if name not in ("clip_id", *INPUTS))


def test_rows_are_those_of_the_judgement(judgement):
    table, found = made(judgement), judgement.predicted
    assert table["clip_id"].tolist() == judgement.predictions["clip_id"].tolist()
    np.testing.assert_array_equal(table.filter(like="score_"), found.scores.astype(np.float32))
    np.testing.assert_array_equal(table.filter(like="decision_"), found.decisions)
    np.testing.assert_array_equal(table.filter(like="target_"), found.targets)
    np.testing.assert_array_equal(table.filter(like="embedding_"), embeddings(judgement))
    assert table.loc[3, INPUTS].tolist() == pytest.approx([12.0, 44100, 2, -23.0, -0.3, 0.25, 0.0])
    assert np.isnan(table.loc[0, "loudness_lufs"])
    assert table.attrs == {"digest": judgement.subject.digest, "split": "test", "clips": 120}


def test_what_is_unknown_is_no_number():
    judgement = make_judgement(20)
    judgement.predictions.at[5, "unknown"] = ["cel", "voi"]
    row = made(judgement).loc[5]
    assert [code for code in IRMAS.codes if np.isnan(row[f"target_{code}"])] == ["cel", "voi"]


@pytest.mark.parametrize(("clips", "kept"), [(1, 1), (2000, 2000), (2001, 2000), (5000, 2000)])
def test_at_most_2000_clips(clips, kept):
    places = sample(many(clips))
    assert len(places) == kept
    assert (np.diff(places) > 0).all()


def test_the_choice_does_not_follow_the_order_of_rows():
    clips = many(5000)
    chosen = set(clips["clip_id"].iloc[sample(clips)])
    turned = clips.sample(frac=1, random_state=0)
    assert set(turned["clip_id"].iloc[sample(turned)]) == chosen
    assert sorted(chosen)[:4] == ["00000", "00001", "00003", "00004"]


def test_each_clip_is_as_likely_as_another():
    """Two in five are drawn: each tenth of the rows has 200, give or take three deviations, and so has each place in a group of ten."""
    places = sample(many(5000))
    for counts in (np.bincount(places // 500), np.bincount(places % 10)):
        assert abs(counts - 200).max() < 3 * np.sqrt(500 * 0.4 * 0.6)
    assert len(np.unique(places // 10)) > 490


def test_it_asks_for_the_facts_of_the_sample_alone(judgement, monkeypatch):
    asked = []
    monkeypatch.setattr("components.evaluation.reference.MOST_CLIPS", 7)
    reference_of(judgement, manifest(judgement), embeddings(judgement), lambda place: asked.append(place) or facts_at(place))
    assert len(asked) == 7


def test_it_is_read_as_it_was_written(judgement, tmp_path):
    table = made(judgement)
    table.to_parquet(tmp_path / REFERENCE, index=False)
    read = read_reference(tmp_path)
    pd.testing.assert_frame_equal(read, table)
    assert read.attrs == table.attrs


def test_what_is_not_there_is_told(judgement, tmp_path):
    with pytest.raises(TaggerError, match=r"has no reference\.parquet, so there is nothing to compare with: train and register"):
        read_reference(tmp_path)
    (tmp_path / REFERENCE).write_bytes(b"PAR1")
    with pytest.raises(TaggerError, match=r"reference\.parquet is damaged"):
        read_reference(tmp_path)
    judgement.predictions[["clip_id", "duration_s", "score_cel"]].to_parquet(tmp_path / REFERENCE, index=False)
    with pytest.raises(TaggerError, match=r"is of an older Timbre and lacks sample_rate, channels, loudness_lufs"):
        read_reference(tmp_path)


def test_reading_it_loads_no_network():
    code = "import sys, components.evaluation.reference; print(sorted({'torch', 'matplotlib', 'jinja2', 'sklearn'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
