"""Label sets: the ordered labels of a task, each with a code, a full name and a family."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from components.errors import ConfigError, DataError
from components.menus import canonical, choose, nearest


@dataclass(frozen=True)
class Label:
    """One class: `cel`, cello, strings."""

    code: str
    full_name: str
    family: str


@dataclass(frozen=True)
class LabelSet:
    """The ordered labels of a task; the order is that of every target and score vector."""

    name: str
    labels: tuple[Label, ...]

    def __post_init__(self) -> None:
        if not self.labels:
            raise ConfigError(f"label set {self.name} has no labels: name at least one")
        if len(set(self.codes)) != len(self.codes):
            twice = sorted({code for code in self.codes if self.codes.count(code) > 1})
            raise ConfigError(f"label set {self.name} names {', '.join(twice)} twice: each label needs a code of its own")

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def codes(self) -> tuple[str, ...]:
        return tuple(label.code for label in self.labels)

    @cached_property
    def full_names(self) -> tuple[str, ...]:
        return tuple(label.full_name for label in self.labels)

    @cached_property
    def index(self) -> dict[str, int]:
        """code -> place in the order."""
        return {code: place for place, code in enumerate(self.codes)}

    def check(self, code: str, where: str) -> str:
        """The code itself, if it is in the set.

        Args:
            where: file and line, for the error.
        Raises:
            DataError: if it is not.
        """
        if code in self.index:
            return code
        raise DataError(f"{where}: label {code!r} is not in {self.name}{nearest(code, self.codes)}; it has: {', '.join(self.codes)}")

    def vector(self, codes: Iterable[str]) -> npt.NDArray[np.float32]:
        """[label] with 1 at the codes and 0 elsewhere."""
        target = np.zeros(len(self), np.float32)
        for code in codes:
            target[self.index[code]] = 1.0
        return target


def _table(name: str, rows: str) -> LabelSet:
    return LabelSet(name, tuple(Label(*row.split()) for row in rows.strip().splitlines()))


# Bosch et al., ISMIR 2012. Organ stands under brass as a reed-and-pipe instrument; the family is the source's.
IRMAS = _table(
    "IRMAS",
    """
cel cello strings
cla clarinet woodwind
flu flute woodwind
gac acoustic_guitar guitar
gel electric_guitar guitar
org organ brass
pia piano percussion
sax saxophone brass
tru trumpet brass
vio violin strings
voi human_voice voice
""",
)

# Humphrey, Durand and McFee, ISMIR 2018; the codes are OpenMIC's own names, in its class-map order.
OPENMIC = _table(
    "OPENMIC",
    """
accordion accordion keyboard
banjo banjo guitar
bass bass guitar
cello cello strings
clarinet clarinet woodwind
cymbals cymbals percussion
drums drums percussion
flute flute woodwind
guitar guitar guitar
mallet_percussion mallet_percussion percussion
mandolin mandolin guitar
organ organ keyboard
piano piano keyboard
saxophone saxophone woodwind
synthesizer synthesizer keyboard
trombone trombone brass
trumpet trumpet brass
ukulele ukulele guitar
violin violin strings
voice voice voice
""",
)

# What both can train together: OpenMIC's names, and the two kinds of guitar that only IRMAS tells apart.
IRMAS_OPENMIC = LabelSet(
    "IRMAS_OPENMIC",
    (
        *OPENMIC.labels,
        Label("acoustic_guitar", "acoustic_guitar", "guitar"),
        Label("electric_guitar", "electric_guitar", "guitar"),
    ),
)

LABEL_SETS: dict[str, LabelSet] = {"IRMAS": IRMAS, "OPENMIC": OPENMIC, "IRMAS_OPENMIC": IRMAS_OPENMIC}


def label_set(name: str) -> LabelSet:
    """The label set called `name`: IRMAS, OPENMIC, or IRMAS_OPENMIC for both together."""
    return choose(LABEL_SETS, name, "label set")


def from_codes(codes: Iterable[str], name: str = "CSV") -> LabelSet:
    """A label set of a user's own: each code is its full name too, and all share the family `other`."""
    return LabelSet(canonical(name), tuple(Label(code, code, "other") for code in codes))
