"""The arithmetic of scale_on_paper.py: rates and prices in, the table of docs/scale.md out."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

from components.config import DataConfig
from components.s3.remote import AT_ONCE, PAGE
from components.store.shards import SHARD_BYTES

RATE, SAMPLE_BYTES = 22050, 2
CORES, EPOCHS, READERS = 64, 100, 4  # steps that read indexes: featurize of a store that is there, train, evaluate, register
HOUR_S, MINUTE_S, GB, KB = 3600.0, 60.0, 1e9, 1e3
TARGET_BYTES = 8  # of a clip and label in train: the truth and whether it is known


@dataclass(frozen=True)
class Corpus:
    """Files, their mean length in seconds, bytes in all, labels, and CSVs that list them: one of 2 GB is not read."""

    name: str
    clips: int
    mean_s: float
    nbytes: float
    labels: int
    csvs: int

    @property
    def seconds(self) -> float:
        return self.clips * self.mean_s

    @property
    def kbit_s(self) -> float:
        return self.nbytes * 8 / self.seconds / 1e3

    @property
    def store_bytes(self) -> float:
        return self.seconds * RATE * SAMPLE_BYTES

    @property
    def shards(self) -> int:
        return round(self.store_bytes / SHARD_BYTES)


# Defferrard et al., "FMA: A Dataset for Music Analysis" (ISMIR 2017): 106,574 untrimmed tracks, 343 days, 879 GiB of MP3, 161 genres.
# Gemmeke et al., "Audio Set" (ICASSP 2017): 2,084,320 clips of 10 s with 527 labels; as 128 kbit/s files.
FMA = Corpus("FMA-full", 106_574, 343 * 86_400 / 106_574, 879 * 2**30, 161, 1)
AUDIOSET = Corpus("AudioSet", 2_084_320, 10.0, 2_084_320 * 10.0 * 128_000 / 8, 527, 10)
CORPORA = (FMA, AUDIOSET)


@dataclass(frozen=True)
class OfAClip:
    """What `validate` takes for a clip of a corpus.

    Args:
        look_ms: to look at its file on a disk, in threads.
        rest_ms: of CPU for all else.
        kb: of memory at its highest, in `build_manifest`.
    """

    look_ms: float
    rest_ms: float
    kb: float


@dataclass(frozen=True)
class Rates:
    """What was measured, as it is told: rounded, so that a reader's arithmetic gives the table.

    Args:
        decoding: seconds of audio in a second of one core.
        training: windows a second on two cores.
        index_ms: to read the index of a shard on the disk.
        get_ms: of this process's CPU to fetch a small object.
        featurize_kb, opened_kb: of memory for a clip, in featurize and in the steps that open the store.
        clips: by the corpus's name.
    """

    decoding: int
    training: int
    index_ms: float
    get_ms: float
    featurize_kb: float
    opened_kb: float
    clips: Mapping[str, OfAClip]

    def __str__(self) -> str:
        fma, audioset = self.clips[FMA.name], self.clips[AUDIOSET.name]
        return (
            f"One core decoded {self.decoding} s of stereo MP3 a second, two cores trained MOBILENET_V3_LARGE on {self.training} windows of"
            f" 3 s a second. For a clip `validate` took {fma.look_ms:.2f} ms to look at a file of FMA-full's length and rate and"
            f" {audioset.look_ms:.2f} ms at one of AudioSet's; {fma.rest_ms:.2f} ms for all else with {FMA.labels} label columns and"
            f" {audioset.rest_ms:.2f} ms with {AUDIOSET.labels} in ten CSVs; and {fma.kb:.1f} kB and {audioset.kb:.1f} kB of memory at its"
            f" highest, in `build_manifest`. `featurize` took {self.featurize_kb:.1f} kB, a step that opens the store"
            f" {self.opened_kb:.1f} kB. An index took {self.index_ms:.2f} ms to read from the disk, and {self.get_ms:.2f} ms of CPU to"
            " fetch from S3."
        )

    @classmethod
    def told(cls, text: str) -> Self:
        """What a page says of them, in the words of `str`."""
        figure = r"(?<!\w)(\d+(?:\.\d+)?) (?:s of stereo|windows of 3|ms|kB)"
        found = [float(one) for one in re.findall(figure, " ".join(text.split()))]
        decoding, training, look1, look2, rest1, rest2, kb1, kb2, featurize, opened, index, get = found
        clips = {FMA.name: OfAClip(look1, rest1, kb1), AUDIOSET.name: OfAClip(look2, rest2, kb2)}
        return cls(int(decoding), int(training), index, get, featurize, opened, clips)


@dataclass(frozen=True)
class Given:
    """Prices in dollars, and what is assumed of the network and of a GPU."""

    cpu_hour: float = 0.045
    gpu_hour: float = 1.0
    gpu_windows: float = 2000.0
    gb_month: float = 0.023
    put: float = 5e-6
    get: float = 4e-7
    latency: float = 0.03
    bandwidth: float = 1e9


@dataclass(frozen=True)
class Sheet:
    """A corpus's column."""

    corpus: Corpus
    rates: Rates
    given: Given

    @property
    def featurize_hours(self) -> float:
        """Of one core; the rate holds the hash that featurize takes of each file."""
        return self.corpus.seconds / self.rates.decoding / HOUR_S

    def validate_s(self, far: bool) -> float:
        """One process: on a disk; over S3 a look waits for the answers, the bytes or the CPU, whichever is slowest."""
        of = self.rates.clips[self.corpus.name]
        looking_s = self.corpus.clips * of.look_ms / 1e3
        if far:
            asking_s = self.corpus.clips * max(self.given.latency / AT_ONCE, (of.look_ms + self.rates.get_ms) / 1e3)
            looking_s = max(asking_s, self.corpus.nbytes / self.given.bandwidth)
        return looking_s + self.corpus.clips * of.rest_ms / 1e3

    @property
    def indexes_here_s(self) -> float:
        return self.corpus.shards * self.rates.index_ms / 1e3

    @property
    def indexes_far_s(self) -> float:
        """A list of all shards, page after page, then each index, many at a time, and then they are read."""
        pages_s = 2 * self.corpus.shards / PAGE * self.given.latency
        return pages_s + self.corpus.shards * max(self.given.latency / AT_ONCE, self.rates.get_ms / 1e3) + self.indexes_here_s

    @property
    def tested_shards(self) -> float:
        """Shards with a clip of the test split, were it drawn clip by clip."""
        return self.corpus.shards * (1 - (1 - DataConfig().test_share) ** (self.corpus.clips / self.corpus.shards))

    def moved_s(self, shards: float) -> float:
        return shards / self.corpus.shards * self.corpus.store_bytes / self.given.bandwidth

    @property
    def epoch_hours(self) -> float:
        """Of a GPU."""
        return self.corpus.clips / self.given.gpu_windows / HOUR_S

    def memory(self, kb: float) -> str:
        return f"{self.corpus.clips * kb * KB / GB:.1f} GB"


def rows(given: Given) -> dict[str, Callable[[Sheet], str]]:
    """Name -> the cell of a column."""
    epoch = f"an epoch on a GPU, were it {given.gpu_windows:.0f} windows/s; {EPOCHS} of them"
    return {
        "clips; label columns": lambda s: f"{s.corpus.clips:,}; {s.corpus.labels}",
        "hours of audio": lambda s: f"{s.corpus.seconds / HOUR_S:,.0f}",
        "validate, one process: files on a disk; on S3": lambda s: f"{_time(s.validate_s(far=False))}; {_time(s.validate_s(far=True))}",
        "... its memory": lambda s: s.memory(s.rates.clips[s.corpus.name].kb),
        f"featurize, CPU-hours; by {CORES} cores": lambda s: (
            f"{s.featurize_hours:,.0f} (${s.featurize_hours * given.cpu_hour:,.2f}); {_time(s.featurize_hours * HOUR_S / CORES)}"
        ),
        "... its memory; that of a step that opens the store": lambda s: f"{s.memory(s.rates.featurize_kb)}; {s.memory(s.rates.opened_kb)}",
        "labels as train holds them": lambda s: s.memory(s.corpus.labels * TARGET_BYTES / KB),
        "store": lambda s: f"{s.corpus.store_bytes / GB:,.0f} GB in {s.corpus.shards:,} shards",
        "... a month": lambda s: f"${s.corpus.store_bytes / GB * given.gb_month:,.2f}",
        "S3: PUTs of shards and indexes": lambda s: f"{2 * s.corpus.shards:,} (${2 * s.corpus.shards * given.put:,.2f})",
        "S3: GETs of each clip, by validate and featurize": lambda s: _gets(2 * s.corpus.clips, given),
        f"S3: GETs of each index, by {READERS} steps": lambda s: _gets(READERS * s.corpus.shards, given),
        "S3: GETs of shards, by train and evaluate": lambda s: _gets(s.corpus.shards + s.tested_shards, given),
        "indexes, each step: from the disk; from S3 in a fresh pod": lambda s: f"{_time(s.indexes_here_s)}; {_time(s.indexes_far_s)}",
        "shards moved to train (its GPU meanwhile); to evaluate": lambda s: f"{_idle(s)}; {_time(s.moved_s(s.tested_shards))}",
        "an epoch (a window a clip) on these two cores": lambda s: f"{s.corpus.clips / s.rates.training / HOUR_S:,.1f} h",
        epoch: lambda s: f"{_time(s.epoch_hours * HOUR_S)}; ${EPOCHS * s.epoch_hours * given.gpu_hour:,.2f}",
    }


def table(rates: Rates, given: Given) -> list[str]:
    """The lines of the table."""
    sheets = [Sheet(corpus, rates, given) for corpus in CORPORA]
    head = ["| | " + " | ".join(corpus.name for corpus in CORPORA) + " |", "|---|" + "--:|" * len(CORPORA)]
    return head + [f"| {name} | " + " | ".join(cell(sheet) for sheet in sheets) + " |" for name, cell in rows(given).items()]


def _gets(count: float, given: Given) -> str:
    return f"{count:,.0f} (${count * given.get:,.2f})"


def _idle(sheet: Sheet) -> str:
    took_s = sheet.moved_s(sheet.corpus.shards)
    return f"{_time(took_s)} (${took_s / HOUR_S * sheet.given.gpu_hour:,.2f})"


def _time(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds < 2 * MINUTE_S else f"{seconds / MINUTE_S:,.0f} min"
