"""AudioSet's classes as a start for labels of ours: the rows of a published classifier become the head's."""

from components.errors import ConfigError
from components.labels import LabelSet
from components.models.contract import Backbone, Head
from components.models.spectrogram_transformer import require_rows

CLASSES = 527

# Full name of a label of IRMAS or OpenMIC -> AudioSet's class and its place in class_labels_indices.csv (Gemmeke et al., ICASSP 2017;
# research.google.com/audioset), which is the order of every AudioSet classifier's rows.
ROWS: dict[str, tuple[int, str]] = {
    "accordion": (209, "Accordion"),
    "acoustic_guitar": (143, "Acoustic guitar"),
    "banjo": (147, "Banjo"),
    "bass": (142, "Bass guitar"),
    "cello": (193, "Cello"),
    "clarinet": (198, "Clarinet"),
    "cymbals": (171, "Cymbal"),
    "drums": (162, "Drum kit"),
    "electric_guitar": (141, "Electric guitar"),
    "flute": (196, "Flute"),
    "guitar": (140, "Guitar"),
    "human_voice": (27, "Singing"),
    "mallet_percussion": (179, "Mallet percussion"),
    "mandolin": (149, "Mandolin"),
    "organ": (155, "Organ"),
    "piano": (153, "Piano"),
    "saxophone": (197, "Saxophone"),
    "synthesizer": (158, "Synthesizer"),
    "trombone": (188, "Trombone"),
    "trumpet": (187, "Trumpet"),
    "ukulele": (151, "Ukulele"),
    "violin": (191, "Violin, fiddle"),
    "voice": (27, "Singing"),
}


def start_head(head: Head, backbone: Backbone, labels: LabelSet) -> dict[str, str]:
    """Let the head's labels begin as AudioSet's classes; the others keep their random rows.

    Returns:
        A label's code -> the class that it began as.
    Raises:
        ConfigError: if the backbone's checkpoint had no such classifier, the head has hidden layers, or no label has a class.
    """
    rows = require_rows(backbone, CLASSES)
    start = getattr(head, "start_label", None)
    if start is None:
        raise ConfigError("model.head_start audioset needs a head of one layer: set model.head to LINEAR or ATTENTION_HEAD")
    known = {place: ROWS[label.full_name] for place, label in enumerate(labels.labels) if label.full_name in ROWS}
    if not known:
        raise ConfigError(f"no label of {labels.name} is a class of AudioSet that we know: leave model.head_start out")
    for place, (row, _) in known.items():
        start(place, rows.weight[row], rows.bias[row])
    return {labels.codes[place]: name for place, (_, name) in known.items()}
