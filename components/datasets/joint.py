"""IRMAS and OpenMIC under one label set: what a clip's own labels say of the labels that the other data set has."""

from dataclasses import replace

from components.datasets.clips import Dataset, RawClip
from components.labels import IRMAS, IRMAS_OPENMIC, OPENMIC, LabelSet

OWN = {"irmastrain": IRMAS, "irmastest": IRMAS, "openmic": OPENMIC}
"""Type of a data set -> the labels that its annotators were asked about."""

# OpenMIC's codes are the joint set's; IRMAS's are abbreviations, and its voice is OpenMIC's.
NAMES = {label.code: label.full_name for label in IRMAS.labels} | {"voi": "voice"} | {code: code for code in OPENMIC.codes}
KINDS = {"guitar": frozenset({"acoustic_guitar", "electric_guitar"})}
"""A label -> the kinds of it, which are all that there are."""


def needs_joining(source: str, labels: LabelSet) -> bool:
    """Whether clips of this type have to be read with their own labels and put into `labels` then."""
    return labels == IRMAS_OPENMIC and source in OWN


def join_labels(dataset: Dataset) -> Dataset:
    """The data set, read with its `OWN` labels, in those of IRMAS_OPENMIC; of what follows from no label of its own nothing is known.

    A guitar of a kind is a guitar. Where no guitar is, there is none of either kind, and where neither kind is, no guitar: so IRMAS
    says all of guitars, and OpenMIC's `guitar` leaves open which kind it is.
    """
    own = OWN[dataset.source]
    dataset.clips = [_joined(clip, own) for clip in dataset.clips]
    return dataset


def _joined(clip: RawClip, own: LabelSet) -> RawClip:
    present = {NAMES[code] for code in clip.labels}
    absent = {NAMES[code] for code in own.codes if code not in clip.labels | clip.unknown}
    for general, kinds in KINDS.items():
        if present & kinds:
            present.add(general)
        if general in absent:
            absent |= kinds
        elif kinds <= absent:
            absent.add(general)
    unknown = frozenset(IRMAS_OPENMIC.codes) - present - absent
    return replace(clip, labels=frozenset(present), unknown=unknown)
