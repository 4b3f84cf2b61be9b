"""The plain tables that the suites look at: one row a clip, file, label, group or recording."""

from dataclasses import dataclass

import pandas as pd

from components.datasets import Gathered


@dataclass(frozen=True)
class Tables:
    """Views of what was gathered, with plain values only.

    Args:
        files: every file that was meant as a clip; `left_out` is 1 for the bad ones that count.
        clips: the manifest without its lists.
        labels: a row a label of a clip (clip_id, path, split, label).
        groups: a row a group and split that it is in (group, split, path of a clip there).
        recordings: a row a content and split that it is in (sha256, split, path of a clip there).
    """

    files: pd.DataFrame
    clips: pd.DataFrame
    labels: pd.DataFrame
    groups: pd.DataFrame
    recordings: pd.DataFrame


def tables_of(gathered: Gathered) -> Tables:
    """The tables of a manifest and its bad clips."""
    frame = gathered.manifest.frame
    left_out = [clip.path for clip in gathered.bad if clip.gated]
    files = pd.DataFrame({"path": [*frame["path"], *left_out], "left_out": [0] * len(frame) + [1] * len(left_out)})
    labels = frame[["clip_id", "path", "split", "labels"]].explode("labels").dropna(subset="labels")
    return Tables(
        files=files,
        clips=frame.drop(columns=["labels", "unknown"]),
        labels=labels.rename(columns={"labels": "label"}).reset_index(drop=True),
        groups=_first_of_each(frame, "group"),
        recordings=_first_of_each(frame, "sha256"),
    )


def _first_of_each(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    return frame[[column, "split", "path"]].drop_duplicates([column, "split"]).sort_values([column, "split"]).reset_index(drop=True)
