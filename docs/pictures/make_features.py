"""Draws docs/pictures/features.png: every feature of one clip of the sample data.

python docs/pictures/make_features.py
"""

import io
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter
from PIL import Image

from components.audio import load
from components.evaluation.plots.theme import INK, MAIN, MUTED, figure
from components.features import FEATURES
from components.menus import build

ROOT = Path(__file__).parents[2]
CLIP = "data/sample/train/vio/193__[vio][nod][cla]0193__1.ogg"
RATE = 22050
PICTURE = "docs/pictures/features.png"
OCTAVES_HZ = (50, 100, 200, 500, 1000, 2000, 5000)


def main(clip: str = CLIP) -> None:
    waveform = torch.from_numpy(load(ROOT / clip, RATE).waveform)[None]
    features = {name: build(FEATURES, name, "feature", {}, sample_rate=RATE) for name in FEATURES}
    outputs = {name: feature(waveform)[0] for name, feature in features.items()}
    seconds = waveform.shape[-1] / RATE
    drawn = figure(height_in=9.6, width_in=11.0)
    panels = drawn.subplots(4, 2).flatten().tolist()
    waves(panels[0], outputs["WAV2VEC"], seconds)
    mel, scalogram, multi = (features[name] for name in ("MEL_SPECTROGRAM", "WAVELET", "MULTI_SPECTROGRAM"))
    bands(panels[1], drawn, outputs["MEL_SPECTROGRAM"][0], seconds, "MEL_SPECTROGRAM", "64 mel bands, dB", mel_hz(mel.filters, RATE))
    bands(panels[2], drawn, outputs["MFCC"][0, 1:], seconds, "MFCC", "coefficients 1 to 39", None)
    bands(panels[3], drawn, outputs["WAVELET"][0], seconds, "WAVELET", "64 Morlet wavelets, dB", scalogram.bank.centres * RATE)
    bands(panels[4], drawn, outputs["AST"][0], seconds, "AST", "128 Kaldi bands, 2 deviations = 1", kaldi_hz())
    channels = outputs["MULTI_SPECTROGRAM"]
    bands(panels[5], drawn, channels[0], seconds, "MULTI_SPECTROGRAM, first", "84 mel bands, dB", mel_hz(multi.mel.filters, RATE))
    bands(panels[6], drawn, channels[1, 4:], seconds, "MULTI_SPECTROGRAM, second", "MFCC 1 to 20", None)
    bands(panels[7], drawn, channels[2], seconds, "MULTI_SPECTROGRAM, third", "84 semitones, dB", multi.notes.centres * RATE)
    for panel in panels[-2:]:
        panel.set_xlabel("seconds", color=MUTED)
    bytes_of = io.BytesIO()
    drawn.savefig(bytes_of, dpi=80)
    Image.open(bytes_of).convert("RGB").quantize(96).save(ROOT / PICTURE, optimize=True)  # a palette: a third of the bytes


def mel_hz(filters: torch.Tensor, rate: int) -> torch.Tensor:
    """The centre of gravity of each band, in Hz; filters [bin, band]."""
    hertz = torch.linspace(0, rate / 2, len(filters))
    return (hertz @ filters) / filters.sum(dim=0)


def kaldi_hz() -> torch.Tensor:
    """The centre of each of AST's bands, the lowest of which are narrower than a bin."""
    low, high = (math.log1p(hertz / 700) for hertz in (20, 8000))
    return 700 * torch.expm1(low + (high - low) * torch.arange(1, 129) / 129)


def titled(axes: Axes, name: str, what: str) -> None:
    axes.set_title(name, loc="left", fontsize=11, color=INK, fontweight="bold")
    axes.set_title(what, loc="right", fontsize=10, color=MUTED)
    axes.tick_params(labelsize=9, colors=MUTED, length=2)
    for spine in axes.spines.values():
        spine.set_visible(False)


def waves(axes: Axes, waveform: torch.Tensor, seconds: float) -> None:
    time = torch.linspace(0, seconds, len(waveform))
    axes.plot(time, waveform, color=MAIN, linewidth=0.4)
    axes.set_xlim(0, seconds)
    titled(axes, "WAV2VEC", "16 kHz, variance 1")


def bands(
    axes: Axes, drawn: Figure, rows: torch.Tensor, seconds: float, name: str, what: str, centres_hz: Sequence[float] | torch.Tensor | None
) -> None:
    """One picture [row, frame] with its frequencies; the faintest twentieth is black."""
    low, high = torch.quantile(rows, torch.tensor([0.05, 0.998])).tolist()
    extent = (0, seconds, 0, len(rows))
    image = axes.imshow(rows, origin="lower", aspect="auto", cmap="magma", vmin=low, vmax=high, extent=extent, interpolation="nearest")
    colours = drawn.colorbar(image, ax=axes, pad=0.01, aspect=16)
    colours.outline.set_visible(False)
    colours.ax.tick_params(labelsize=8, colors=MUTED, length=2)
    if centres_hz is not None:
        centres = torch.as_tensor(centres_hz)
        places: dict[float, int] = {}
        for hertz in OCTAVES_HZ:
            place = float((centres - hertz).abs().argmin()) + 0.5
            if centres[0] <= hertz <= centres[-1] and place - max(places, default=-len(rows)) > len(rows) / 14:
                places[place] = hertz
        axes.yaxis.set_major_locator(FixedLocator(list(places)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda place, _: f"{places[place]:,} Hz"))
    titled(axes, name, what)


if __name__ == "__main__":
    main(*sys.argv[1:])
