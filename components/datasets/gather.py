"""From `TYPE:PATH` lists to one manifest: read the data sets, look at each file, and split what is not split yet."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from components.audio import limits_of, name_of
from components.config import AudioConfig, DataConfig, Task
from components.datasets.clips import SPLITS, BadClip
from components.datasets.few import few_listed
from components.datasets.look import LookedAt, look, notes_on_duplicates, split_off
from components.datasets.manifest import Manifest
from components.datasets.sections import REVIEWED, Sections, one_label_each
from components.datasets.sources import resolve_labels
from components.datasets.twins import settle_twins
from components.errors import DataError
from components.labels import LabelSet
from components.progress import Progress, quiet
from components.s3 import AT_ONCE, address_of

THREADS = 8


@dataclass(frozen=True)
class Gathered:
    """What the data come to: the clips, the files left out with a reason, and what is worth a note."""

    manifest: Manifest
    bad: list[BadClip]
    notes: list[str]


def build_manifest(
    data: DataConfig, labels: str | tuple[str, ...], audio: AudioConfig, progress: Progress = quiet, task: Task = "multilabel"
) -> Gathered:
    """Read every data set and look at every file: header, length and content hash, in threads.

    A data set with a split of its own gives each section its part; named under `train` it also gives val and test, where
    those sections are empty. What is then missing is split off from train by group (`val_share`, `test_share`). For `multiclass` a
    clip that has not exactly one label is a bad one. With `clips_a_label` the other files are not looked at. What `reviewed` names joins
    train, but for audio that the others hold (`settle_twins`).

    Raises:
        DataError: if nothing is there, a label is not in the set, or a data set gives its section no clip.
        ConfigError: if labels or shares make no sense.
    """
    label_set = resolve_labels(data, labels)
    sections = Sections(data, label_set)
    for section in (*SPLITS, REVIEWED):
        for spec in getattr(data, section):
            sections.read(spec, section)
    if not sections.clips:
        raise DataError("data names no clips: give train, val or test at least one TYPE:PATH")
    fit, unfit = one_label_each(sections.clips) if task == "multiclass" else (sections.clips, [])
    if data.clips_a_label:
        everything, fit = len(fit), few_listed(fit, data, data.clips_a_label)
        sections.notes.append(f"{len(fit)} of {everything} clips are used: data.clips_a_label is {data.clips_a_label}")
    bad, looked = [*sections.bad, *unfit], list[LookedAt]()
    limits = limits_of(audio)
    far = any(address_of(clip.raw.path) for clip in fit)
    with ThreadPoolExecutor(data.num_workers or (AT_ONCE if far else THREADS)) as pool:
        results = pool.map(lambda clip: look(clip, limits, data.min_duration_s), fit)
        for result in progress(results, "looking at clips", len(fit)):
            if isinstance(result, BadClip):
                bad.append(result)
            else:
                looked.append(result)
    looked, held_out, notes = settle_twins(looked, task)
    looked = split_off(looked, data)
    manifest = Manifest.of_rows([_row(clip, label_set) for clip in looked], label_set)
    bad = sorted([*bad, *held_out], key=lambda clip: clip.path)
    return Gathered(manifest, bad, notes + sections.notes + notes_on_duplicates(looked))


def _row(looked: LookedAt, label_set: LabelSet) -> dict[str, object]:
    clip, raw = looked.clip, looked.clip.raw
    return {
        "clip_id": clip.clip_id,
        "path": name_of(raw.path),
        "sha256": looked.sha256,
        "duration_s": looked.header.duration_s,
        "sample_rate": looked.header.sample_rate,
        "channels": looked.header.channels,
        "labels": [code for code in label_set.codes if code in raw.labels],
        "unknown": [code for code in label_set.codes if code in raw.unknown],
        "group": clip.group,
        "split": clip.split,
        "source": clip.source,
        "fold": raw.fold,
    }
