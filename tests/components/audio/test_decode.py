import io
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from components.audio import DECODER_VERSION, Header, Limits, from_array, load, probe
from components.audio.resample import mono
from components.errors import AudioError
from tests.fixtures.sounds import encoded, noise, silence, silent_flac, sine, wav_bytes


def frequency_hz(waveform: np.ndarray, sample_rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))
    return float(spectrum.argmax() * sample_rate / len(waveform))


@pytest.mark.parametrize(("from_hz", "to_hz"), [(44100, 22050), (48000, 22050), (8000, 22050), (22050, 22050), (192000, 16000)])
def test_a_sine_keeps_its_frequency_length_and_peak(from_hz: int, to_hz: int) -> None:
    clip = load(encoded(sine(1000, 1, from_hz, amplitude=0.5), from_hz), to_hz)
    assert len(clip.samples) == to_hz
    assert frequency_hz(clip.waveform, to_hz) == 1000
    middle = clip.waveform[to_hz // 4 : -to_hz // 4]
    assert np.abs(middle).max() == pytest.approx(0.5, abs=2e-3)
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / np.sqrt(2), abs=1e-4)


def test_what_the_new_rate_cannot_hold_is_gone() -> None:
    clip = load(encoded(sine(15000, 1, 44100), 44100, subtype="FLOAT"), 22050)
    assert np.abs(clip.waveform[2000:-2000]).max() < 0.5 * 10 ** (-90 / 20)


def test_mono_is_the_mean_of_the_channels() -> None:
    left, right = sine(440, 0.5, 22050, amplitude=0.6), sine(440, 0.5, 22050, amplitude=0.2)
    clip = load(encoded(np.stack([left, right], axis=1), 22050, subtype="FLOAT"), 22050)
    assert clip.waveform == pytest.approx(sine(440, 0.5, 22050, amplitude=0.4), abs=0.4 / 65000)
    three = np.stack([left, right, -left], axis=1)
    assert load(encoded(three, 22050, subtype="FLOAT"), 22050).waveform == pytest.approx(right / 3, abs=1e-5)


@pytest.mark.parametrize(
    ("kind", "subtype", "error"),
    [
        ("WAV", "PCM_16", 1e-4), ("WAV", "PCM_U8", 2e-2), ("WAV", "PCM_24", 1e-4), ("WAV", "FLOAT", 1e-4), ("WAV", "DOUBLE", 1e-4),
        ("WAV", "ULAW", 2e-2), ("WAV", "IMA_ADPCM", 2e-2), ("FLAC", "PCM_16", 1e-4), ("OGG", "VORBIS", 2e-2), ("OGG", "OPUS", 2e-2),
        ("MP3", "MPEG_LAYER_III", 2e-2), ("AIFF", "PCM_16", 1e-4), ("AU", "PCM_16", 1e-4), ("CAF", "ALAC_16", 1e-4),
        ("W64", "PCM_16", 1e-4), ("RF64", "PCM_16", 1e-4), ("VOC", "PCM_16", 1e-4), ("NIST", "PCM_16", 1e-4),
    ],
)  # fmt: skip
def test_formats(kind: str, subtype: str, error: float, tmp_path: Path) -> None:
    waveform = sine(440, 1, 48000)
    path = tmp_path / "named.anything"
    path.write_bytes(encoded(waveform, 48000, kind, subtype))
    header = probe(path)
    assert header == Header(pytest.approx(1.0, abs=0.06), 48000, 1, kind)
    clip = load(path, 48000)
    assert clip.waveform[9600:38400] == pytest.approx(waveform[9600:38400], abs=error)
    assert len(clip.samples) == round(header.duration_s * 48000)


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
def test_every_kind_of_source_gives_the_same_bits(kind: str, tmp_path: Path) -> None:
    stereo = np.stack([noise(30, 44100, seed=1), noise(30, 44100, seed=2)], axis=1)
    content = encoded(stereo, 44100, kind)
    path = tmp_path / "clip"
    path.write_bytes(content)
    wanted = load(path, 22050)
    stream = io.BytesIO(content)
    stream.seek(100)
    with path.open("rb") as file:
        for source in (str(path), content, stream, file):
            clip = load(source, 22050)
            assert np.array_equal(clip.samples, wanted.samples)
            assert clip.scale == wanted.scale
        assert not file.closed


def test_threads_give_the_same_bits() -> None:
    contents = [encoded(noise(2, 44100, seed=seed), 44100, "OGG") for seed in range(8)]
    wanted = [load(content, 22050).samples for content in contents]
    found: dict[int, np.ndarray] = {}

    def work(place: int) -> None:
        found[place] = load(contents[place], 22050).samples

    threads = [threading.Thread(target=work, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(found[place], wanted[place]) for place in range(8))


def test_an_array_is_treated_as_a_file() -> None:
    stereo = np.stack([noise(3, 44100, seed=1), noise(3, 44100, seed=2)], axis=1)
    wanted = load(encoded(stereo, 44100, subtype="FLOAT"), 22050)
    for y in (stereo, stereo.T, stereo.astype(np.float64)):
        clip = from_array(y, 44100, 22050)
        assert np.array_equal(clip.samples, wanted.samples)
        assert clip.scale == wanted.scale


@pytest.mark.parametrize(("dtype", "subtype"), [(np.int16, "PCM_16"), (np.int32, "PCM_32"), (np.uint8, "PCM_U8")])
def test_integers_have_full_scale_at_one(dtype: type, subtype: str) -> None:
    steps = np.round(sine(440, 0.2, 8000) * 100).astype(np.int64)
    y = ((steps + 128) if dtype is np.uint8 else steps * (np.iinfo(dtype).max // 128)).astype(dtype)
    from_file = load(encoded(y.astype(np.float64) / 128 - 1 if dtype is np.uint8 else y, 8000, subtype=subtype), 8000)
    clip = from_array(y, 8000, 8000)
    assert np.array_equal(clip.samples, from_file.samples)
    assert clip.scale == from_file.scale


def test_edges_in_length() -> None:
    assert len(load(wav_bytes(22050, 1, 1), 22050).samples) == 1
    assert len(load(wav_bytes(44100, 2, 2), 22050).samples) == 1
    clip = load(encoded(silence(1, 44100), 44100), 22050)
    assert len(clip.samples) == 22050
    assert not clip.waveform.any()


def test_a_file_that_does_not_tell_its_length_is_counted() -> None:
    content = silent_flac(30, announce=False)
    assert probe(content) == Header(30.0, 1000, 1, "FLAC")
    assert len(load(content, 2000).samples) == 60_000
    streamed = wav_bytes(8000, 1, 8000, claimed_bytes=2**32 - 1)  # what a program that writes to a pipe leaves
    assert probe(streamed).duration_s == 1.0
    assert len(load(streamed, 8000).samples) == 8000


def test_limits_are_exact() -> None:
    content = wav_bytes(8000, 2, 8000)
    limits = Limits(max_duration_s=1.0, max_pcm_bytes=8000 * 2 * 4)
    assert len(load(content, 8000, limits).samples) == 8000
    for tighter in (Limits(max_duration_s=0.999), Limits(max_pcm_bytes=8000 * 2 * 4 - 1)):
        for refuses in (lambda tighter=tighter: load(content, 8000, tighter), lambda tighter=tighter: probe(content, tighter)):
            with pytest.raises(AudioError, match=r"cut it, or have the limit raised \(audio\.max_\w+, for a service TIMBRE_MAX_\w+\)"):
                refuses()
    with pytest.raises(AudioError, match=r"the waveform lasts 1\.0 s or more, and 0\.5 s are allowed"):
        from_array(np.zeros(8000), 8000, 8000, Limits(max_duration_s=0.5))


def test_192_khz_with_8_channels_is_read() -> None:
    clip = load(wav_bytes(192_000, 8, 192_000 * 3), 22050)
    assert len(clip.samples) == 66150
    assert clip.waveform[30_000] == pytest.approx(2**-15, rel=1e-3)


@pytest.mark.parametrize(
    ("y", "sr", "says"),
    [
        (np.zeros((2, 2, 2)), 8000, r"got \[2, 2, 2\]"),
        (np.zeros(0), 8000, r"got \[0\]"),
        (np.float32(1), 8000, r"got \[\]"),
        (np.zeros((2000, 2000)), 8000, r"got \[2000, 2000\]"),
        (np.zeros(10, np.int64), 8000, "got int64: convert it"),
        (np.zeros(10, complex), 8000, "got complex128"),
        (np.array([0.0, np.nan]), 8000, "NaN or infinite"),
        (np.array([0.0, 1e300]), 8000, "NaN or infinite"),
        (np.zeros(10), 0, "sample rate of 0 Hz"),
    ],
)
def test_arrays_that_are_no_waveform(y: np.ndarray, sr: int, says: str) -> None:
    with pytest.raises(AudioError, match=says):
        from_array(y, sr, 8000)


def test_the_decoder_names_its_libraries() -> None:
    assert DECODER_VERSION.startswith("timbre 1, soundfile ")
    assert "libsndfile" in DECODER_VERSION
    assert "soxr" in DECODER_VERSION


@pytest.mark.parametrize("channels", [1, 2, 3, 7, 300])
def test_16_bit_samples_have_the_bits_of_their_floats(channels: int) -> None:
    y = np.random.default_rng(channels).integers(-(2**15), 2**15, (1000, channels)).astype(np.int16)
    y[0] = -(2**15)
    floats, _ = soundfile.read(io.BytesIO(encoded(y, 8000)), dtype="float32", always_2d=True)
    assert mono(y).tobytes() == mono(floats).tobytes()
