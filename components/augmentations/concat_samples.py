"""CONCAT_N_SAMPLES: several clips sound one after the other, and the window carries the labels of all."""

from typing import Any

import torch
from torch import Generator, Tensor

from components.augmentations.checks import whole
from components.augmentations.contract import Batch, Draws, Stage
from components.augmentations.joining import AUDIBLE_RMS, Known, draw_partners

FADE_S = 0.005  # at each joint, or its click would tell that there is one
SLOTS = 60  # in a window, whose power tells what is silent


class ConcatSamples:
    """Divide each window into equal parts; one stays with the item, the others come from the same place of other items in the batch.

    Labels are the union, as with SUM_N_SAMPLES: a label is known present where it is known present in any source, known absent where it
    is known absent in all. A source whose part is silent adds no labels; where all parts are silent, the item keeps its own.
    """

    stage: Stage = "waveform"
    joins = True

    def __init__(self, sample_rate: int, concat_n_samples: Any = 3) -> None:
        """
        Args:
            sample_rate: in Hz.
            concat_n_samples: sources in a window at most, the item itself included; how many is drawn evenly from 2 up to this.
        """
        self.most = whole("CONCAT_N_SAMPLES", "concat_n_samples", concat_n_samples, above=1)
        self.fade = max(1, round(FADE_S * sample_rate))

    def draw(self, batch: Batch, generator: Generator) -> Draws:
        """`partners` [batch, extra], other places in the batch, none twice; `count` [batch], parts; `turn` [batch], the item's own part."""
        size, sources = len(batch), min(self.most, len(batch))
        partners = draw_partners(size, sources - 1, generator)
        count = torch.randint(2, self.most + 1, (size,), generator=generator).clamp(max=sources)
        turn = (torch.rand(size, generator=generator) * count).long()
        return {"partners": partners, "count": count, "turn": turn}

    def apply(self, batch: Batch, draws: Draws) -> Batch:
        rows, count = torch.arange(len(batch))[:, None], draws["count"][:, None]
        sources = torch.cat([rows, draws["partners"]], dim=1)  # [batch, source], the item first
        total = self._concatenated(batch.inputs, sources, draws)
        known, power = Known.of(batch), _power(batch.inputs)
        slot = torch.arange(power.shape[1]) * count // power.shape[1]  # [batch, slot], the part that it lies in
        joined = Known(torch.zeros_like(known.present), torch.ones_like(known.absent))
        any_heard = torch.zeros(len(batch), 1, dtype=torch.bool, device=total.device)
        for place in range(sources.shape[1]):
            source = sources[:, place].to(total.device)
            own = ((slot == (draws["turn"][:, None] + place) % count) & (place < count)).to(total.device)
            heard = ((power[source] * own).sum(dim=1) / own.sum(dim=1).clamp(min=1)).sqrt()[:, None] > AUDIBLE_RMS
            joined, any_heard = joined.join(known[source], heard), any_heard | heard
        joined = Known(torch.where(any_heard, joined.present, known.present), torch.where(any_heard, joined.absent, known.absent))
        return Batch(total, joined.present, joined.mask)

    def _concatenated(self, waveforms: Tensor, sources: Tensor, draws: Draws) -> Tensor:
        """[batch, time]: part number `turn` is the first source's, those after it the next ones', round to the front."""
        time = waveforms.shape[1]
        pieces, joints = [], []
        for item, (count, turn) in enumerate(zip(draws["count"].tolist(), draws["turn"].tolist(), strict=True)):
            ends = [time * part // count for part in range(count + 1)]
            pieces += [waveforms[sources[item, (part - turn) % count], ends[part] : ends[part + 1]] for part in range(count)]
            joints += [(item, joint) for joint in ends[1:-1]]
        total = torch.cat(pieces).view_as(waveforms)
        fade = torch.arange(self.fade, device=total.device) / self.fade
        for item, joint in joints:
            total[item, joint : joint + self.fade] *= fade[: time - joint]
            total[item, max(0, joint - self.fade) : joint] *= fade.flip(0)[max(0, self.fade - joint) :]
        return total


def _power(waveforms: Tensor) -> Tensor:
    """[batch, slot]: the mean square of each slot."""
    slots = min(SLOTS, waveforms.shape[1])
    return waveforms[:, : waveforms.shape[1] // slots * slots].reshape(len(waveforms), slots, -1).square().mean(dim=2)
