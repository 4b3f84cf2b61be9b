"""From dry stems to a recording: room, place, tone and level.

Levels are gated K-weighted loudness (ITU-R BS.1770-4, with both channels weighted 1), so that rests do not count as quiet playing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

Sound = NDArray[np.float32]
"""Sound as [2, time]."""

SILENCE_DB = -70.0
ACTIVE_BELOW_PEAK_DB = 20.0


@dataclass(frozen=True)
class Room:
    """A room by its decay to -60 dB, its pre-delay, its level against the direct sound and its damping at the top.

    Args:
        damping: how many times faster the highest frequencies die away.
        seed: draws the echoes.
    """

    decay_s: float
    predelay_s: float
    wet_db: float
    damping: float
    seed: int


@dataclass(frozen=True)
class Place:
    """Where a player is: pan from -1 (left) to 1 (right), width from 0 (mono) to 1, level of the room, a tilt in tone.

    Args:
        tilt_db: gain at 8 kHz against 125 Hz: microphones, instruments and players differ.
    """

    pan: float
    width: float
    wet_db: float
    tilt_db: float


def draw_room(rng: np.random.Generator) -> Room:
    """Draw anything from a dead studio to a hall."""
    decay_s = float(np.exp(rng.uniform(np.log(0.2), np.log(1.8))))
    return Room(
        decay_s, float(rng.uniform(0.002, 0.03)), float(rng.uniform(-22.0, -10.0)), float(rng.uniform(1.5, 4.0)), int(rng.integers(2**31))
    )


def draw_place(rng: np.random.Generator) -> Place:
    """Draw a player's place on the stage."""
    return Place(float(rng.uniform(-0.7, 0.7)), float(rng.uniform(0.2, 1.0)), float(rng.uniform(-3.0, 3.0)), float(rng.uniform(-3.0, 3.0)))


def place(stem: Sound, where: Place, room: Room, sample_rate: int) -> Sound:
    """Pan a dry stem, tilt its tone and add the room; the length stays."""
    middle, side = (stem[0] + stem[1]) / 2, where.width * (stem[0] - stem[1]) / 2
    angle = (where.pan + 1) * np.pi / 4
    direct = np.stack([np.sqrt(2) * np.cos(angle) * (middle + side), np.sqrt(2) * np.sin(angle) * (middle - side)])
    frames = stem.shape[1]
    echoes = impulse_response(room, sample_rate)
    size = next_fast_len(frames + echoes.shape[1], real=True)
    spectrum = rfft(direct, size) * tilt(np.fft.rfftfreq(size, 1 / sample_rate), where.tilt_db)
    dry = irfft(spectrum, size)[:, :frames]
    wet = irfft(rfft(direct.mean(axis=0), size) * rfft(echoes, size), size)[:, :frames]
    return np.asarray(dry + 10 ** ((room.wet_db + where.wet_db) / 20) * wet, dtype=np.float32)


def impulse_response(room: Room, sample_rate: int) -> NDArray[np.float64]:
    """Two channels of decaying noise, highs dying first, each with unit energy; [2, time]."""
    rng = np.random.default_rng(room.seed)
    frames = int(room.decay_s * sample_rate)
    time_s = np.arange(frames) / sample_rate
    noise = rng.standard_normal((2, frames))
    spectrum = rfft(noise)
    bands = np.linspace(0, 1, spectrum.shape[1])
    low = irfft(spectrum * (1 - bands), frames)
    high = irfft(spectrum * bands, frames)
    fall = -6.9 * time_s / room.decay_s
    echoes = low * np.exp(fall) + high * np.exp(room.damping * fall)
    echoes /= np.sqrt(np.sum(echoes**2, axis=1, keepdims=True))
    return np.pad(echoes, ((0, 0), (int(room.predelay_s * sample_rate), 0)))


def tilt(frequencies_hz: NDArray[np.floating], tilt_db: float) -> NDArray[np.float64]:
    """Gain of a straight line in dB over octaves, 0 dB at 1 kHz, `tilt_db` between 125 Hz and 8 kHz, level outside."""
    octaves = np.log2(np.clip(frequencies_hz, 125.0, 8000.0) / 1000.0)
    return np.asarray(10 ** (tilt_db * octaves / 6 / 20))


def loudness_db(sound: Sound, sample_rate: int) -> float:
    """Loudness of the parts that play, in LUFS; SILENCE_DB for silence."""
    power = _block_power(sound, sample_rate, block_s=0.4, hop_s=0.1)
    level = _decibels(power)
    power = power[level > SILENCE_DB]
    if not len(power):
        return SILENCE_DB
    gate = _decibels(power.mean()) - 10.0
    return float(_decibels(power[_decibels(power) > gate].mean()))


def active_share(sound: Sound, sample_rate: int) -> float:
    """Share of the 0.1 s blocks within ACTIVE_BELOW_PEAK_DB of the loudest one, 0 to 1."""
    level = _decibels(_block_power(sound, sample_rate, block_s=0.1, hop_s=0.1))
    return float(np.mean((level > level.max() - ACTIVE_BELOW_PEAK_DB) & (level > SILENCE_DB)))


def at_loudness(sound: Sound, level_db: float, sample_rate: int) -> Sound:
    """Scale a sound to a loudness in LUFS."""
    return (sound * 10 ** ((level_db - loudness_db(sound, sample_rate)) / 20)).astype(np.float32)


def _block_power(sound: Sound, sample_rate: int, block_s: float, hop_s: float) -> NDArray[np.float64]:
    frames = sound.shape[1]
    size = next_fast_len(frames + sample_rate // 10, real=True)
    weighted = irfft(rfft(sound.astype(np.float64), size) * _k_weighting(np.fft.rfftfreq(size, 1 / sample_rate)), size)[:, :frames]
    total = np.concatenate([[0.0], np.cumsum(np.sum(weighted**2, axis=0))])
    block, hop = round(block_s * sample_rate), round(hop_s * sample_rate)
    starts = np.arange(0, max(1, frames - block + 1), hop)
    return np.asarray((total[np.minimum(starts + block, frames)] - total[starts]) / block)


def _k_weighting(frequencies_hz: NDArray[np.floating]) -> NDArray[np.float64]:
    """Magnitude of BS.1770's two filters as analogue curves: a high-pass at 38 Hz and a shelf of 4 dB from 1.7 kHz."""
    squared = (frequencies_hz / 38.1) ** 2
    high_pass = squared / (1 + squared)
    shelf_gain, ratio = 10 ** (4.0 / 20), (frequencies_hz / 1682.0) ** 2
    shelf = np.sqrt((1 + shelf_gain**2 * ratio**2) / (1 + ratio**2))
    return np.asarray(10 ** (-0.691 / 20) * high_pass * shelf)


def _decibels(power: NDArray[np.float64] | np.float64) -> NDArray[np.float64]:
    return np.asarray(10 * np.log10(np.maximum(power, 1e-12)))
