"""A batched phase vocoder that also resamples: time and pitch are changed apart from each other.

Flanagan and Golden (Bell System Technical Journal 45, 1966) with a Hann window and 75 % overlap, as librosa's and torchaudio's. Three
things make it quick. The phase from one frame to the next is kept as a complex number of length 1 and multiplied up, so that no angle is
computed. Pitch is changed by synthesising with frames of another size, which resamples exactly within the band, where others resample once
more. And on a CPU some frames of one item are worked on at a time, which stay in the processor's cache.
"""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from threading import Barrier

import torch
from torch import Tensor
from torch.nn.functional import pad

FRAME_S = 0.093  # long enough to tell the partials of a low note apart, short enough for the attack of a note
OVERLAP = 4  # frames over each sample; the squares of their Hann windows add up to 3/2
FRAMES_AT_ONCE = 96  # on a CPU
INAUDIBLE = 1e-12  # gives silence a phase, and lies far below the rounding noise of 16 bits
SMALLEST = 1e-30  # of a power, or what cancels out would divide by 0


def frame_size(sample_rate: int) -> int:
    """Samples in a frame: the power of two that is nearest to FRAME_S."""
    return int(max(8 * OVERLAP, 2 ** round(math.log2(FRAME_S * sample_rate))))


def vocode(waveforms: Tensor, rates: Tensor, n_fft: int, size: int, length: int) -> Tensor:
    """Play waveforms at other speeds, and resample the result.

    Args:
        waveforms: [batch, time]; silence follows where more is asked for.
        rates: [batch], on the CPU. Seconds of the waveform in a second of the result, pitch unchanged.
        n_fft: samples in a frame of the waveform, a multiple of 4.
        size: samples in a frame of the result, a multiple of 4: the result is resampled by size / n_fft.
        length: samples in the result.
    Returns:
        [batch, length]. Gradients reach the waveforms through the magnitudes; phases count as given.
    """
    count = OVERLAP - 1 + -(-length // (size // OVERLAP))  # frames of the result
    if waveforms.device.type != "cpu":
        return _vocode(waveforms, rates, n_fft, size, count, count)[:, :length]
    differentiable = torch.is_grad_enabled()  # which is each thread's own

    def one(waveform: Tensor, rate: Tensor) -> Tensor:
        with torch.set_grad_enabled(differentiable):
            return _vocode(waveform, rate, n_fft, size, count, FRAMES_AT_ONCE)[:, :length]

    threads = torch.get_num_threads()
    each = map if threads == 1 or len(waveforms) == 1 else _workers(threads).map
    return torch.cat(list(each(one, torch.split(waveforms, 1), torch.split(rates, 1))))


@lru_cache(maxsize=1)
def _workers(threads: int) -> ThreadPoolExecutor:
    """Threads that take an item each: threads that share each of its small operations would spend their time waiting for one another."""
    started = Barrier(threads)

    def start() -> None:
        torch.set_num_threads(1)  # this thread's, and the default of those to come
        started.wait()

    pool = ThreadPoolExecutor(threads)
    for task in [pool.submit(start) for _ in range(threads)]:
        task.result()
    torch.set_num_threads(threads)
    return pool


def _vocode(waveforms: Tensor, rates: Tensor, n_fft: int, size: int, count: int, at_once: int) -> Tensor:
    """[batch, time], `count` frames added up."""
    hop = size // OVERLAP
    window = torch.hann_window(size, device=waveforms.device) * (size / n_fft / 1.5)
    total = waveforms.new_zeros(len(waveforms), count + OVERLAP - 1, hop)
    done = 0
    for spectrum in _played(waveforms, rates, n_fft, size // 2 + 1, count, at_once):
        frames = (torch.fft.irfft(spectrum, n=size) * window).unflatten(-1, (OVERLAP, hop))
        for part in range(OVERLAP):
            total[:, done + part : done + part + frames.shape[1]] += frames[:, :, part]
        done += frames.shape[1]
    return total.flatten(1)[:, (OVERLAP - 1) * hop :]


def _played(waveforms: Tensor, rates: Tensor, n_fft: int, bins: int, count: int, at_once: int) -> Iterator[Tensor]:
    """The spectra [batch, frame, bin] of the result, `count` frames, `at_once` of them at a time."""
    # Frame 1 of the result is centred on its first sample, and frame 1 of the waveform likewise.
    places = ((torch.arange(count) - 1) * rates[:, None].double() + 1).clamp(min=0)
    framed = _framed(waveforms, n_fft, int(places.max()) + 2)
    window = torch.hann_window(n_fft, device=waveforms.device)
    row = torch.arange(len(waveforms), device=waveforms.device)[:, None]
    phase = None
    for part in torch.split(places, at_once, dim=1):
        before = part.long()
        weight = (part - before).float().to(waveforms.device)[..., None]
        first, last = int(before.min()), int(before.max()) + 2
        before = (before - first).to(waveforms.device)
        spectrum = torch.fft.rfft(framed[:, first:last] * window)[..., :bins] + INAUDIBLE
        power = (spectrum.real.square() + spectrum.imag.square()).clamp(min=SMALLEST)
        phases = spectrum.detach() * power.detach().rsqrt()
        turns = (phases[:, 1:] * phases[:, :-1].conj())[row, before]
        steps = torch.cat([phases[row, before[:, :1]] if phase is None else phase, turns], dim=1).cumprod(dim=1)
        phase = torch.sgn(steps[:, -1:])  # rounding must not add up
        magnitude = power.sqrt()
        weighted = torch.lerp(magnitude[row, before], magnitude[row, before + 1], weight)
        yield weighted * _locked(steps[:, :-1], phases[row, before], power.detach()[row, before])


def _locked(steps: Tensor, phases: Tensor, power: Tensor) -> Tensor:
    """Phases of the result, where each bin has been turned from the waveform's phase as its stronger neighbours have.

    So the bins of one partial stay together, as with Laroche and Dolson's phase locking (IEEE Transactions on Speech and Audio Processing
    7(3), 1999), with no search for peaks. Left apart, a note would lose a tenth of its level.
    """
    turned = steps * phases.conj() * power
    around = turned.clone()
    around[..., 1:] += turned[..., :-1]
    around[..., :-1] += turned[..., 1:]
    return phases * around * (around.real.square() + around.imag.square()).clamp(min=SMALLEST).rsqrt()


def _framed(waveforms: Tensor, n_fft: int, frames: int) -> Tensor:
    """[batch, frame, n_fft]: so much silence comes first that the first sample lies in OVERLAP frames."""
    hop = n_fft // OVERLAP
    ahead = n_fft - hop
    behind = (frames - 1) * hop + n_fft - ahead - waveforms.shape[1]
    return pad(waveforms, (ahead, behind)).unfold(-1, n_fft, hop)
