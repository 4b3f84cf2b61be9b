"""A batched phase vocoder that also resamples: time and pitch are changed apart from each other.

Flanagan and Golden (Bell System Technical Journal 45, 1966) with a Hann window and 75 % overlap, as librosa's and torchaudio's. Three
things make it quick. Phases are turned by complex numbers of length 1, so that no angle is computed, and only where a frame is left out or
comes twice is another turn needed. Pitch is changed by synthesising with frames of another size, which resamples exactly within the band,
where others resample once more. And on a CPU each thread takes an item of its own.
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
FRAMES_AT_ONCE = 220  # on a CPU: enough to be worth an operation each, few enough for the processor's cache
INAUDIBLE = 1e-12  # gives silence a phase, and lies far below the rounding noise of 16 bits
SMALLEST = 1e-36  # or what cancels out would divide by 0


def frame_size(sample_rate: int) -> int:
    """Samples in a frame: the power of two that is nearest to FRAME_S."""
    return int(max(8 * OVERLAP, 2 ** round(math.log2(FRAME_S * sample_rate))))


def vocode(waveforms: Tensor, rates: Tensor, n_fft: int, sizes: Tensor, length: int) -> Tensor:
    """Play waveforms at other speeds, and resample the result.

    Args:
        waveforms: [batch, time]; silence follows where more is asked for.
        rates: [batch], on the CPU. Seconds of the waveform in a second of the result, pitch unchanged.
        n_fft: samples in a frame of the waveform, a multiple of 4.
        sizes: [batch], on the CPU. Samples in a frame of the result, multiples of 4: the result is resampled by size / n_fft.
        length: samples in the result.
    Returns:
        [batch, length]. Gradients reach the waveforms through the magnitudes; phases count as given.
    """
    if waveforms.device.type != "cpu":
        return vocode_by_size(waveforms, rates, n_fft, sizes, length)
    differentiable = torch.is_grad_enabled()  # which is each thread's own

    def one(waveform: Tensor, rate: Tensor, size: int) -> Tensor:
        with torch.set_grad_enabled(differentiable):
            return _vocode(waveform, rate, n_fft, size, length, FRAMES_AT_ONCE)

    threads = torch.get_num_threads()
    each = map if threads == 1 or len(waveforms) == 1 else _workers(threads).map
    return torch.cat(list(each(one, torch.split(waveforms, 1), torch.split(rates, 1), sizes.tolist())))


def vocode_by_size(waveforms: Tensor, rates: Tensor, n_fft: int, sizes: Tensor, length: int) -> Tensor:
    """What `vocode` gives, the items of a size together and in one go, as suits a GPU."""
    groups = [(sizes == size).nonzero()[:, 0] for size in sorted(set(sizes.tolist()))]
    changed = [
        _vocode(waveforms[group.to(waveforms.device)], rates[group], n_fft, int(sizes[group[0]]), length, at_once=None) for group in groups
    ]
    return torch.cat(changed)[torch.cat(groups).argsort().to(waveforms.device)]


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


def _vocode(waveforms: Tensor, rates: Tensor, n_fft: int, size: int, length: int, at_once: int | None) -> Tensor:
    """[batch, length], `at_once` frames of the result at a time."""
    hop = size // OVERLAP
    count = OVERLAP - 1 + -(-length // hop)
    window = torch.hann_window(size, device=waveforms.device) * (size / n_fft / 1.5)
    total = waveforms.new_zeros(len(waveforms), count + OVERLAP - 1, hop)
    done = 0
    for spectrum in _played(waveforms, rates, n_fft, min(n_fft, size) // 2 + 1, count, at_once or count):
        frames = torch.fft.irfft(spectrum, n=size).mul_(window).unflatten(-1, (OVERLAP, hop))
        for part in range(OVERLAP):
            total[:, done + part : done + part + frames.shape[1]] += frames[:, :, part]
        done += frames.shape[1]
    return total.flatten(1)[:, (OVERLAP - 1) * hop :][:, :length]


def _played(waveforms: Tensor, rates: Tensor, n_fft: int, bins: int, count: int, at_once: int) -> Iterator[Tensor]:
    """The spectra [batch, frame, bin] of the result, `count` frames, `at_once` of them at a time.

    While frames follow one another, so do their phases. Where one is left out or comes twice, each bin is turned, from there on, by the
    angle between the frame that would have followed and the one that is played.
    """
    device = waveforms.device
    # Frame 1 of the result is centred on its first sample, and frame 1 of the waveform likewise.
    places = ((torch.arange(count) - 1) * rates[:, None].double() + 1).clamp(min=0)
    plays = places.long()
    follows = torch.cat([plays[:, :1], plays[:, :-1] + 1], dim=1)
    weights = (places - plays).float()
    framed = _framed(waveforms, n_fft, int(plays.max()) + 2)
    window = torch.hann_window(n_fft, device=device)
    turn = torch.ones(len(waveforms), 1, bins, dtype=torch.complex64, device=device)
    for play, follow, weight in zip(*(torch.split(each, at_once, dim=1) for each in (plays, follows, weights)), strict=True):
        first, last = int(torch.minimum(play, follow).min()), int(play.max()) + 2
        spectra = torch.fft.rfft(framed[:, first:last] * window)[..., :bins].flatten(0, 1)
        rows = torch.arange(len(play))[:, None] * (last - first) - first  # where an item's frames begin among those of all items
        skips = (play != follow).any(dim=0)
        turns = _turns(turn, spectra.detach(), (rows + follow[:, skips]).to(device), (rows + play[:, skips]).to(device))
        turn = torch.sgn(turns[:, -1:])  # rounding must not add up
        parts = _parts(turns, skips.cumsum(0).to(device))
        yield _turned(spectra, (rows + play).flatten().to(device), weight.view(-1, 1).to(device), *parts).view(*play.shape, bins)


def _turns(turn: Tensor, spectra: Tensor, follow: Tensor, play: Tensor) -> Tensor:
    """[batch, 1 + skip, bin]: how far each bin has been turned at first, and after each skip."""
    angles = (spectra[follow] + INAUDIBLE) * (spectra[play] + INAUDIBLE).conj()
    return torch.cat([turn, torch.sgn(angles)], dim=1).cumprod(dim=1)


def _parts(turns: Tensor, after: Tensor) -> list[Tensor]:
    """The real and the imaginary part [frame of any item, bin] of the turns that each frame comes after, with a bin more at either end."""
    return [pad(part, (1, 1)).index_select(1, after).flatten(0, 1) for part in (turns.real, turns.imag)]


def _turned(spectra: Tensor, play: Tensor, weight: Tensor, real: Tensor, imag: Tensor) -> Tensor:
    """The frames that are played, their magnitudes on the way to the next frame's, each bin turned as its stronger neighbours.

    So the bins of one partial stay together, as with Laroche and Dolson's phase locking (IEEE Transactions on Speech and Audio Processing
    7(3), 1999), with no search for peaks. Left apart, a note would lose a tenth of its level.
    """
    squares = torch.view_as_real(spectra).square()
    powers = (squares[..., 0] + squares[..., 1]).clamp_(min=SMALLEST)
    magnitudes = powers.sqrt()
    magnitude = torch.lerp(magnitudes.index_select(0, play), magnitudes.index_select(0, play + 1), weight)
    power = powers.detach().index_select(0, play)
    strength = pad(power, (1, 1))
    real, imag = _around(real * strength), _around(imag * strength)
    magnitude = magnitude * torch.addcmul(real.square(), imag, imag).mul_(power).clamp_(min=SMALLEST).rsqrt_()
    return spectra.detach().index_select(0, play) * torch.complex(real * magnitude, imag * magnitude)


def _around(bins: Tensor) -> Tensor:
    """Each bin and its two neighbours, added up, without the bins at either end."""
    return (bins[:, :-2] + bins[:, 2:]).add_(bins[:, 1:-1])


def _framed(waveforms: Tensor, n_fft: int, frames: int) -> Tensor:
    """[batch, frame, n_fft]: so much silence comes first that the first sample lies in OVERLAP frames."""
    hop = n_fft // OVERLAP
    ahead = n_fft - hop
    behind = (frames - 1) * hop + n_fft - ahead - waveforms.shape[1]
    return pad(waveforms, (ahead, behind)).unfold(-1, n_fft, hop)
