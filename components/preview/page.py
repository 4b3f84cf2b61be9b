"""Before and after of each augmentation, as spectrograms and sound, in one page that needs no other file."""

import base64
import inspect
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from components.augmentations import AUGMENTATIONS, Batch
from components.config import AugmentationConfig, FeatureConfig
from components.errors import ConfigError
from components.evaluation.snippets import encode
from components.features import FEATURES, Feature
from components.menus import build, canonical
from components.model_input import ModelInputDataType

if TYPE_CHECKING:
    pass

TEMPLATE = Path(__file__).with_name("preview.html.j2")
RANGE_DB = 80.0  # from the loudest value to black
TRIES = {"spectrogram": 20, "waveform": 5}  # draws to choose from, so that a narrow mask or a slight shift is not what a person sees
WIDE_IN, HIGH_IN = 2.9, 1.4  # a picture, small enough that its type can be read where a pair shares a line


@dataclass(frozen=True)
class Example:
    """One augmentation of the window."""

    name: str
    summary: str
    settings: Mapping[str, Any]
    probability: float | None  # None where no configuration sets one
    picture: str  # a data URI
    sound: str | None  # a data URI; a changed spectrogram has none
    labels: int  # of the four sounds that lie in the batch, how many the result carries


def all_sections(noise_folder: Path | None) -> list[AugmentationConfig]:
    """Every augmentation at its defaults; BACKGROUND_NOISE only where there is a folder for it."""
    sections = []
    for name in AUGMENTATIONS:
        if name != "BACKGROUND_NOISE" or noise_folder:
            params = {"noise_folder": str(noise_folder)} if name == "BACKGROUND_NOISE" else {}
            sections.append(AugmentationConfig(name=name, params=params))
    return sections


def page(
    batch: Batch,
    sections: Sequence[AugmentationConfig],
    sample_rate: int,
    feature: FeatureConfig,
    title: str,
    configured: bool,
    seed: int = 0,
) -> str:
    """The page as a string; the same arguments give the same page.

    Args:
        batch: waveforms [item, time]; the first is the one that is shown, the others are there to be joined with it.
        sections: the augmentations, in their order.
        feature: what the pictures show, an IMAGE.
        title: the clip's name.
        configured: whether the sections come from a configuration, whose probabilities the page then tells.
    Raises:
        ConfigError: if an augmentation does not fit, or the feature gives no picture.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made: Feature = build(FEATURES, feature.name, "feature", feature.params, sample_rate=sample_rate)
    if made.kind is not ModelInputDataType.IMAGE:
        raise ConfigError(f"feature {feature.name} gives no picture to show: preview with feature.name=MEL_SPECTROGRAM")
    environment = Environment(
        loader=FileSystemLoader(TEMPLATE.parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    shown = examples(batch, sections, sample_rate, made, configured, seed)
    before = made(batch.inputs)[0, 0]
    return environment.get_template(TEMPLATE.name).render(
        title=title,
        examples=shown,
        before=_picture(before, before, made.frame_s),
        shape=f"{WIDE_IN} / {HIGH_IN}",
        sound=encode(batch.inputs[0].numpy(), sample_rate),
        length_s=batch.inputs.shape[1] / sample_rate,
        sample_rate=sample_rate,
    )


def examples(
    batch: Batch, sections: Sequence[AugmentationConfig], sample_rate: int, feature: Feature, configured: bool, seed: int = 0
) -> list[Example]:
    """Each augmentation alone, carried out on the first item of the batch; of some draws the one that changes it most."""
    clear = feature(batch.inputs)
    normalized = Batch((clear - clear[:1].mean()) / clear[:1].std(), batch.targets, batch.mask)
    made = []
    for section in sections:
        augmentation = build(AUGMENTATIONS, section.name, "augmentation", section.params, sample_rate=sample_rate, frame_s=feature.frame_s)
        waveform = augmentation.stage == "waveform"
        start = batch if waveform else normalized
        generator = torch.Generator().manual_seed(seed)
        results = [augmentation.apply(start, augmentation.draw(start, generator)) for _ in range(TRIES[augmentation.stage])]
        pictures = [feature(one.inputs[:1]) if waveform else one.inputs[:1] * clear[:1].std() + clear[:1].mean() for one in results]
        changes = [float((picture - clear[:1]).abs().sum()) for picture in pictures]
        most = changes.index(max(changes))
        result, after = results[most], pictures[most][0, 0]
        made.append(
            Example(
                name=canonical(section.name),
                summary=_summary(AUGMENTATIONS[canonical(section.name)]),
                settings=_settings(AUGMENTATIONS[canonical(section.name)], section.params),
                probability=section.probability if configured else None,
                picture=_picture(after, clear[0, 0], feature.frame_s),
                sound=encode(result.inputs[0].numpy(), sample_rate) if waveform else None,
                labels=int(result.targets[0].sum()),
            )
        )
    return made


def _summary(builder: Any) -> str:
    """The first sentences of the class's docstring, up to an empty line."""
    text = inspect.getdoc(getattr(builder, "func", builder)) or ""
    return " ".join(text.split("\n\n")[0].split())


def _settings(builder: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    """Each parameter that a person can set, with the value that holds."""
    known = inspect.signature(builder).parameters
    settable = {key: one.default for key, one in known.items() if key not in ("sample_rate", "frame_s")}
    return {key: params.get(key, default) for key, default in settable.items()}


def _picture(after: Tensor, before: Tensor, frame_s: float) -> str:
    """A spectrogram [freq, frame] as a PNG, on the colours of the one before."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure: Figure = Figure(figsize=(WIDE_IN, HIGH_IN), layout="constrained")
    figure.set_facecolor("none")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    top = float(before.max())
    extent = (0.0, after.shape[1] * frame_s, 0.0, float(after.shape[0]))
    axes.imshow(
        after.numpy(), origin="lower", aspect="auto", cmap="magma", vmin=max(float(before.min()), top - 80), vmax=top, extent=extent
    )
    axes.set_xlabel("s", fontsize=8, color="#66707f")
    axes.set_ylabel("band", fontsize=8, color="#66707f")
    axes.tick_params(colors="#66707f", labelsize=8, length=0)
    axes.locator_params(nbins=4)
    for spine in axes.spines.values():
        spine.set_visible(False)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=180, transparent=True, metadata={"Software": None})
    return f"data:image/png;base64,{base64.b64encode(drawn.getvalue()).decode()}"
