"""The configurations of the published data sets, on look-alikes with their folders, names and formats."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from components.augmentations import AUGMENTATIONS
from components.augmentations.contract import Batch
from components.config import Config, load_config
from components.datasets import Gathered, build_manifest
from components.datasets.fetch import PUBLICATIONS
from components.errors import DataError
from components.judge import judge
from components.labels import IRMAS, IRMAS_OPENMIC, OPENMIC
from components.losses import LOSSES
from components.menus import build
from components.store import Store, build_store, open_store
from components.tagger import Tagger
from components.training import fit
from components.training.loader import Loader
from components.training.plan import Plan
from tests.components.models.shrunk import SHRUNK
from tests.fixtures.published import UNTESTED, write_irmas, write_openmic
from timbre.cli.data import print_counts

NAMES = ("irmas", "openmic", "irmas_openmic")
CONFIGS = Path("configs").absolute()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder in which both lie where the configurations seek them, their clips cut short."""
    folder = tmp_path_factory.mktemp("published")
    write_irmas(folder / "data/irmas", train_s=0.2, test_s=0.3)
    write_openmic(folder / "data/openmic", duration_s=0.25)
    return folder


@pytest.fixture
def gather(published: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Gathered]:
    monkeypatch.chdir(published)

    def build(name: str) -> Gathered:
        config = configured(name)
        return build_manifest(config.data, config.labels, config.audio)

    return build


def configured(name: str) -> Config:
    return load_config(CONFIGS / f"{name}.yaml")


def clips(gathered: Gathered, source: str, split: str) -> list[str]:
    frame = gathered.manifest.frame
    return frame.loc[(frame["source"] == source) & (frame["split"] == split), "clip_id"].tolist()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_fetched_is_what_the_configuration_names(name: str) -> None:
    config = configured(name)
    fetched = {
        f"{source}:data/{key}/{folder}"
        for key, publication in PUBLICATIONS.items()
        for source, folder in (spec.split(":") for spec in publication.specs)
        if key in name
    }
    assert {*config.data.train, *config.data.val, *config.data.test} == fetched


@pytest.mark.parametrize("name", NAMES)
def test_groups_stay_whole_and_nothing_is_left_out(gather, name: str) -> None:
    gathered = gather(name)
    frame = gathered.manifest.frame
    assert gathered.bad == []
    assert set(frame["split"]) == {"train", "val", "test"}
    assert frame.groupby("group")["split"].nunique().max() == 1
    targets, mask = gathered.manifest.targets("train")
    assert ((targets * mask).sum(axis=0) > 0).all()  # each label can be learnt


def test_irmas_tests_on_all_of_its_test_clips_and_takes_val_from_train(gather) -> None:
    gathered = gather("irmas")
    assert gathered.manifest.label_set == IRMAS
    assert len(clips(gathered, "irmastest", "test")) == 12
    assert len(clips(gathered, "irmastrain", "train")) + len(clips(gathered, "irmastrain", "val")) == 66
    assert gathered.manifest.targets()[1].all()
    assert gathered.notes == []


def test_openmic_keeps_its_split_and_its_mask(gather, published: Path) -> None:
    gathered = gather("openmic")
    manifest = gathered.manifest
    of_test = (published / "data/openmic/openmic-2018/partitions/split01_test.csv").read_text().split()
    assert manifest.label_set == OPENMIC
    assert sorted(Path(clip).stem for clip in clips(gathered, "openmic", "test")) == sorted(of_test)
    _, mask = manifest.targets()
    assert mask.sum() == 20 * 4 - 2
    assert mask[(manifest.frame["split"] == "test").to_numpy(), OPENMIC.index[UNTESTED]].sum() == 0
    # The published arrays hold pickled keys, which are never opened; said once.
    assert [note for note in gathered.notes if "openmic-2018-aggregated-labels.csv" in note] == gathered.notes
    assert len(gathered.notes) == 1


def test_both_together_keep_both_splits_and_know_what_each_knows(gather) -> None:
    joint, irmas, openmic = gather("irmas_openmic"), gather("irmas"), gather("openmic")
    assert joint.manifest.label_set == IRMAS_OPENMIC
    assert clips(joint, "irmastest", "test") == clips(irmas, "irmastest", "test")
    assert clips(joint, "openmic", "test") == clips(openmic, "openmic", "test")
    assert len(joint.manifest) == len(irmas.manifest) + len(openmic.manifest)
    _, mask = joint.manifest.targets()
    from_openmic = (joint.manifest.frame["source"] == "openmic").to_numpy()
    known = dict(zip(IRMAS_OPENMIC.codes, mask[~from_openmic].mean(axis=0), strict=True))
    assert {code for code, share in known.items() if share == 0} == set(OPENMIC.codes) - {
        "cello", "clarinet", "flute", "guitar", "organ", "piano", "saxophone", "trumpet", "violin", "voice",
    }  # fmt: skip
    assert set(known.values()) == {0.0, 1.0}
    np.testing.assert_array_equal(mask[from_openmic][:, : len(OPENMIC)], openmic.manifest.targets()[1])
    assert len(joint.notes) == 1  # named for train and test, and read once


def test_the_counts_say_of_how_many_clips_a_label_is_known(gather, capsys: pytest.CaptureFixture[str]) -> None:
    print_counts(gather("irmas_openmic").manifest)
    rows = {row[0]: row[1:] for line in capsys.readouterr().out.splitlines() if len(row := line.split()) == 4}
    assert rows["electric_guitar"] == ["electric_guitar", "8", "80"]  # IRMAS's 78 clips, and two without a guitar
    assert rows["guitar"] == ["guitar", "18", "82"]
    assert rows[UNTESTED] == [UNTESTED, "1", "2"]
    print_counts(gather("irmas").manifest)
    assert "known" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "missing", "sentence"),
    [
        ("irmas", "irmas/train", r"^data/irmas/train is not there: check the path, which is read from \S+$"),
        ("irmas", "irmas/test", r"^data/irmas/test is not there: check the path"),
        ("openmic", "openmic/openmic-2018/audio", r"^data/openmic/openmic-2018 is not OpenMIC-2018: it has no folder audio; `timbre data"),
        ("irmas_openmic", "openmic/openmic-2018", r"^data/openmic/openmic-2018 is not there: check the path"),
    ],
)
def test_another_layout_is_one_sentence(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, missing: str, sentence: str
) -> None:
    shutil.copytree(published / "data", tmp_path / "data", copy_function=shutil.copyfile)
    shutil.rmtree(tmp_path / "data" / missing)
    monkeypatch.chdir(tmp_path)
    config = configured(name)
    with pytest.raises(DataError, match=sentence):
        build_manifest(config.data, config.labels, config.audio)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"train": ("irmastrain:data/irmas/test",)}, "gives train no clip: check its type, its path .*names no instrument"),
        ({"test": ("irmastest:data/irmas/train",)}, "gives test no clip: check its type, its path .*has no label file"),
    ],
)
def test_train_and_test_of_irmas_mixed_up_is_one_sentence(gather, data: dict[str, tuple[str, ...]], sentence: str) -> None:
    config = configured("irmas")
    with pytest.raises(DataError, match=sentence):
        build_manifest(config.data.model_copy(update={"train": (), "test": (), **data}), config.labels, config.audio)


@pytest.fixture(scope="module")
def full_length(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with clips as long as the published ones."""
    folder = tmp_path_factory.mktemp("full_length")
    write_irmas(folder / "data/irmas")
    write_openmic(folder / "data/openmic")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_recipe_trains_and_the_masks_hold(full_length: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(full_length)
    backbone = configured(name).model.name
    shrunk = {"pretrained": "none", "params": SHRUNK[backbone], "name": backbone}
    config = load_config(CONFIGS / f"{name}.yaml", {"model": shrunk, "training.quick": True, "training.device": "cpu"})
    gathered = build_manifest(config.data, config.labels, config.audio)
    store = open_store(build_store(gathered.manifest, config.audio, tmp_path / "store").ref, tmp_path / "store")
    check_gradients(config, store.of("train"))

    tagger = Tagger.open(fit(config, store, tmp_path / "run"))
    judged = judge(tagger, store.of("test"), config.evaluation.model_copy(update={"bootstrap_rounds": 10}))

    table = judged.metrics.per_label.set_index("label")
    _, mask = store.of("test").manifest.targets()
    assert table["known"].tolist() == mask.sum(axis=0).tolist()
    known = table[table["known"] > 0]
    assert set(table.index) - set(known.index) == ({UNTESTED} if config.labels != "IRMAS" else set())
    assert judged.metrics.values["f1"] == pytest.approx(known["f1"].mean())
    assert judged.metrics.values["mAP"] == pytest.approx(known["average_precision"].mean())


def check_gradients(config: Config, train: Store) -> None:
    """A batch as the recipe makes it, mixes and all: what is unknown pulls at no score, what is known does."""
    plan = Plan(train.num_samples, round(config.windows.length_s * train.sample_rate), len(train), seed=0)
    batch = Batch(*next(iter(Loader(train, plan, 1))))
    generator = torch.Generator().manual_seed(0)
    for chosen in config.training.augmentations:
        augmentation = build(AUGMENTATIONS, chosen.name, "augmentation", chosen.params, sample_rate=train.sample_rate, frame_s=0.01)
        if augmentation.joins:
            batch = augmentation.apply(batch, augmentation.draw(batch, generator))
    logits = torch.randn(batch.targets.shape, generator=generator, requires_grad=True)
    loss = build(LOSSES, config.training.loss, "loss", config.training.loss_params, task=config.task)
    loss(logits, batch.targets, batch.mask).backward()
    assert logits.grad is not None
    assert torch.equal(logits.grad != 0, batch.mask > 0)
    assert (batch.mask == 0).any() == (config.labels != "IRMAS")
