"""One scoring path: the same numbers whatever the batch, the neighbours, the door."""

import io

import numpy as np
import pytest
import torch

from components.audio import from_array, load
from components.errors import AudioError, TaggerError
from components.tagger import Tagger
from tests.components.tagger.conftest import RATE
from tests.fixtures.sounds import noise, sine, write

TOLERANCE = 1e-5


@pytest.fixture
def tagger(sealed):
    return Tagger.open(sealed)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Of many lengths, rates and channels: shorter than a window, one sample, silence, stereo at 44.1 kHz."""
    folder = tmp_path_factory.mktemp("clips")
    stereo = np.stack([sine(300.0, 7.3, 44100, 0.3), noise(7.3, 44100, seed=2, amplitude=0.05)], axis=1)
    clips = [
        (noise(0.3, RATE, amplitude=0.2), RATE),
        (sine(440.0, 1.0, RATE), RATE),
        (stereo, 44100),
        (np.zeros(3 * RATE, np.float32), RATE),
        (noise(20.0, 22050, seed=3, amplitude=0.01), 22050),
        (np.full(1, 0.5, np.float32), RATE),
        (0.1 * stereo[:, ::-1], 44100),
    ]
    return [write(folder / f"clip {place}.wav", clip, rate) for place, (clip, rate) in enumerate(clips)]


def table(tagger, sources, **reading):
    return tagger.predict(sources, **reading).filter(like="score_").to_numpy()


class TestTheSameNumbers:
    def test_scores_differ_from_clip_to_clip(self, tagger, files):
        assert np.ptp(table(tagger, files), axis=0).min() > 0.01

    @pytest.mark.parametrize("batch_size", [1, 7, 32])
    def test_in_batches_of_any_size(self, tagger, files, batch_size):
        alone = np.concatenate([table(tagger, [file]) for file in files])

        np.testing.assert_allclose(table(tagger, files, batch_size=batch_size), alone, atol=TOLERANCE, rtol=0)

    def test_from_arrays_bytes_and_file_objects(self, tagger, files):
        import soundfile

        y, sr = soundfile.read(files[2])
        expected = table(tagger, files[2:3])[0]

        np.testing.assert_allclose(tagger.score(y, sr), expected, atol=TOLERANCE, rtol=0)
        np.testing.assert_allclose(tagger.score(y.T, sr), expected, atol=TOLERANCE, rtol=0)
        np.testing.assert_allclose(table(tagger, [files[2].read_bytes()])[0], expected, atol=TOLERANCE, rtol=0)
        np.testing.assert_allclose(table(tagger, [io.BytesIO(files[2].read_bytes())])[0], expected, atol=TOLERANCE, rtol=0)

    def test_windows_are_those_of_the_clip(self, tagger, files):
        clip = load(files[4], RATE)
        [scores] = tagger.score_clips([clip], batch_size=3)

        np.testing.assert_allclose(tagger.score_windows(clip.waveform), scores.windows, atol=TOLERANCE, rtol=0)
        np.testing.assert_allclose(scores.windows.mean(axis=0), scores.clip, atol=1e-6)
        assert scores.starts_s[:3].tolist() == pytest.approx([0.0, 0.4, 0.8])
        assert scores.starts_s[-1] == pytest.approx(19.0)

    def test_whatever_the_callers_autocast_and_threads(self, tagger):
        y = noise(2.5, RATE)
        expected = tagger.score(y, RATE)
        with torch.autocast("cpu", torch.bfloat16):
            np.testing.assert_array_equal(tagger.score(y, RATE), expected)
            assert tagger.embed(y, RATE).dtype == np.float32

    def test_nothing_random_is_left_or_used(self, sealed):
        before = torch.random.get_rng_state()
        tagger = Tagger.open(sealed)
        first = tagger.score(noise(1.0, RATE), RATE)

        assert torch.equal(torch.random.get_rng_state(), before)
        assert np.array_equal(first, tagger.score(noise(1.0, RATE), RATE))

    def test_all_windows_of_no_clips(self, tagger):
        assert list(tagger.score_clips([])) == []

    def test_clips_come_as_soon_as_they_are_scored(self, tagger):
        taken = []

        def clips():
            for place in range(10):
                taken.append(place)
                yield from_array(noise(1.0, RATE, seed=place), RATE, RATE)

        next(tagger.score_clips(clips(), batch_size=4))
        assert len(taken) == 4


class TestTables:
    def test_a_row_a_clip(self, tagger, files):
        predicted = tagger.predict(files[:2], threshold=0.0)

        assert list(predicted.columns) == ["path", "score_low", "score_mid", "score_high", "labels", "error"]
        assert predicted["path"].tolist() == [str(file) for file in files[:2]]
        assert predicted["labels"].tolist() == [["low", "mid", "high"]] * 2
        assert predicted["error"].tolist() == [None, None]
        assert predicted["score_low"].dtype == np.float32

    def test_labels_are_what_reaches_its_own_threshold(self, tagger, files):
        predicted = tagger.predict(files)
        scores = predicted.filter(like="score_").to_numpy()
        expected = [[code for code, yes in zip(("low", "mid", "high"), row >= [0.5, 0.25, 0.75], strict=True) if yes] for row in scores]

        assert predicted["labels"].tolist() == expected

    def test_a_file_that_fails_is_a_row_not_an_end(self, tagger, files, tmp_path):
        broken = tmp_path / "broken.wav"
        broken.write_bytes(b"RIFF no more")
        predicted = tagger.predict([broken, files[0], tmp_path / "missing.wav", files[1], broken], batch_size=1)

        assert predicted["error"].notna().tolist() == [True, False, True, False, True]
        assert "cannot read" in predicted["error"][2]
        assert predicted["score_low"].isna().tolist() == [True, False, True, False, True]
        assert predicted["labels"][0] == []
        np.testing.assert_allclose(predicted["score_mid"][[1, 3]], table(tagger, files[:2])[:, 1], atol=TOLERANCE)

    def test_nothing_and_nothing_but_errors(self, tagger, tmp_path):
        assert list(tagger.predict([]).columns) == ["path", "score_low", "score_mid", "score_high", "labels", "error"]
        assert tagger.predict([tmp_path / "missing.wav"])["error"].notna().all()
        assert len(tagger.windows_frame([tmp_path / "missing.wav"])) == 0

    def test_a_row_a_window(self, tagger, files):
        windows = tagger.windows_frame([files[0], files[2]])

        assert list(windows.columns) == ["path", "start_s", "end_s", "score_low", "score_mid", "score_high"]
        assert (windows["path"] == str(files[0])).sum() == 1
        assert (windows["end_s"] - windows["start_s"]).tolist() == pytest.approx([1.0] * len(windows))
        assert windows["end_s"].iloc[-1] == pytest.approx(7.3, abs=1e-3)

    def test_progress_counts_files(self, tagger, files):
        seen = []

        def progress(items, what, total):
            for item in items:
                seen.append((what, total))
                yield item

        tagger.predict(files[:3], progress=progress)
        assert seen == [("predict", 3)] * 3


class TestEmbedding:
    def test_the_mean_over_windows(self, tagger):
        y = noise(1.0, RATE)
        embedding = tagger.embed(y, RATE)

        assert embedding.shape == (tagger.network.backbone.width,)
        np.testing.assert_allclose(tagger.embed(np.tile(y, 1), RATE), embedding)

    def test_long_clips_go_in_batches(self, tagger):
        y = noise(40.0, RATE)
        waveform = from_array(y, RATE, RATE).waveform
        starts = tagger._starts(len(waveform))
        each = [tagger.embed(waveform[start : start + RATE], RATE) for start in starts]

        np.testing.assert_allclose(tagger.embed(y, RATE), np.mean(each, axis=0), atol=1e-3)


class TestErrors:
    def test_bad_waveforms(self, tagger):
        with pytest.raises(AudioError, match="NaN"):
            tagger.score(np.full(RATE, np.nan), RATE)
        with pytest.raises(AudioError):
            tagger.score(np.zeros(0), RATE)

    def test_devices(self, sealed):
        assert Tagger.open(sealed, "auto").device.type in ("cpu", "cuda")
        with pytest.raises(TaggerError, match="unknown device 'gpu': write auto, cpu, cuda"):
            Tagger.open(sealed, "gpu")
        with pytest.raises(TaggerError, match="device cuda:99 is not here"):
            Tagger.open(sealed, "cuda:99")

    def test_batches_of_nothing(self, tagger):
        with pytest.raises(TaggerError, match="batch_size must be 1 or more, got 0"):
            tagger.predict([], batch_size=0)
