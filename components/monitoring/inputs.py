"""What is known of a clip's sound, and how much of a change of it matters."""

import math
from dataclasses import dataclass
from typing import Literal

from components.watch_config import DriftConfig


@dataclass(frozen=True)
class Input:
    """A column of the log: numbers are compared in order, names one by one; `relative`: the floor is a share of the reference's mean.

    `within`: what its values can be at all.
    """

    title: str
    unit: str
    kind: Literal["number", "name"]
    floor: str  # its name in DriftConfig
    digits: int = 1
    relative: bool = False
    within: tuple[float, float] = (-math.inf, math.inf)

    def least(self, config: DriftConfig) -> float:
        return float(getattr(config, self.floor))


INPUTS: dict[str, Input] = {
    "duration_s": Input("duration", "s", "number", "min_duration_change", relative=True, within=(0, math.inf)),
    "sample_rate": Input("sample rate", "Hz", "name", "min_share_change", digits=0),
    "channels": Input("channels", "", "name", "min_share_change", digits=0),
    "loudness_lufs": Input("loudness", "LUFS", "number", "min_level_change_db"),
    "peak_db": Input("peak", "dB", "number", "min_level_change_db"),
    "silent_share": Input("silent share", "", "number", "min_share_change", digits=2, within=(0, 1)),
    "clipped_share": Input("clipped share", "", "number", "min_clipped_change", digits=4, within=(0, 1)),
}
