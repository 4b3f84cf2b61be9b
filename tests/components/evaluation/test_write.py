import json

import pandas as pd
import pytest

from components.evaluation.card import card, readme
from components.evaluation.table import averages, rows
from components.evaluation.write import write_evaluation
from components.registry import Card
from tests.fixtures.judgements import make_judgement


@pytest.fixture(scope="module")
def folder(judgement, history, tmp_path_factory):
    return write_evaluation(judgement, tmp_path_factory.mktemp("evaluation") / "made", history)


def test_everything_is_there(folder):
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    pictures = {f"plots/{name}.png" for name in ("instruments", "mistakes", "precision_recall", "roc", "calibration", "training")}
    tables = {f"plots/{name}.csv" for name in ("instruments", "confusion", "precision_recall", "roc", "calibration", "training")}
    others = {"metrics.json", "report.html", "predictions.parquet", "card.json", "README.md"}
    assert names == pictures | tables | others


def test_metrics_json_has_the_names_of_the_specification(folder, judgement):
    found = json.loads((folder / "metrics.json").read_text())
    assert found["f1"] == round(judgement.metrics.values["f1"], 6)
    assert {"accuracy", "hamming_distance", "precision", "recall", "micro_f1", "mAP", "LRAP", "roc_auc", "calibration_error"} <= set(found)
    assert found["instruments/acoustic_guitar_f1"] == pytest.approx(0.90566)
    assert found["instruments/cello_support"] == 36


def test_writing_again_gives_the_same_numbers_and_replaces_the_old(folder, history, tmp_path):
    (tmp_path / "metrics.json").write_text("{}")
    write_evaluation(make_judgement(), tmp_path, history)
    for name in ("metrics.json", "card.json", "report.html", "plots/confusion.csv", "plots/roc.csv", "plots/roc.png"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name
    assert not list(tmp_path.glob(".*"))


def test_plot_tables(folder, judgement, history):
    pairs = pd.read_csv(folder / "plots/confusion.csv")
    assert (pairs["actual"] == pairs["predicted"]).sum() == (judgement.predicted.targets & judgement.predicted.decisions).sum()
    assert ((pairs["actual"] == "cello") & (pairs["predicted"] == "violin")).sum() == 4
    assert "nothing" in set(pairs["predicted"])
    assert pd.read_csv(folder / "plots/instruments.csv")["label"].tolist()[:4] == ["cello", "clarinet", "flute", "acoustic guitar"]
    roc = pd.read_csv(folder / "plots/roc.csv")
    assert (len(roc), roc["found"].iloc[-1]) == (101, 1.0)
    assert pd.read_csv(folder / "plots/training.csv")["step"].tolist() == history["step"].tolist()


def test_the_card_is_what_the_registry_reads(folder, judgement):
    made = json.loads((folder / "card.json").read_text())
    read = Card.from_json(made)
    assert (read.split, read.data_digest) == ("test", judgement.subject.data_digest)
    theirs = Card.of(judgement.metrics.values, judgement.metrics.per_label.to_dict("records"), "test", judgement.subject.data_digest)
    assert read.eval_metrics.keys() == theirs.eval_metrics.keys()
    assert read.eval_metrics["f1_score"] == pytest.approx(theirs.eval_metrics["f1_score"], abs=1e-6)
    assert read.eval_metrics["per_class"]["cel"] == pytest.approx(theirs.eval_metrics["per_class"]["cel"], abs=1e-6)


def test_a_label_without_support_is_zero_in_the_card():
    judgement = make_judgement(20)
    table = judgement.metrics.per_label
    table.loc[0, ["support", "precision", "recall", "f1"]] = [0, float("nan"), float("nan"), float("nan")]
    assert card(judgement)["eval_metrics"]["per_class"]["cel"] == {"precision": 0.0, "recall": 0.0, "f1_score": 0.0, "support": 0}
    json.dumps(card(judgement), allow_nan=False)


def test_readme_tells_the_answer_and_the_weak_spots(judgement):
    page = readme(card(judgement))
    assert page.startswith("# sample\n\nTagger sample finds the instruments with a macro F1 of 0.84")
    assert "- cello (F1 0.58, 0.42 to 0.72; 36 clips): Missed in 13 of 36 clips" in page
    assert "| acoustic guitar | 50 | 0.86 | 0.96 | 0.91 | 0.83–0.96 | 0.28 |" in page


def test_the_table_has_a_row_a_label_then_macro_and_micro(judgement):
    values = judgement.metrics.values
    assert [row.name for row in rows(judgement.metrics)][:4] == ["cello", "clarinet", "flute", "acoustic guitar"]
    macro, micro = averages(judgement.metrics)
    assert (macro.f1, macro.average_precision, micro.f1) == (values["f1"], values["mAP"], values["micro_f1"])
