"""Which engine a tagger is sealed with, and what is said of it."""

import json
import sys
import time

import pytest
import torch

from components.errors import TaggerError
from components.tagger import ENGINES, Tagger, attach, choose_engine, read_engines
from components.tagger.engine_choice import EngineTable, alternate, compare_engines

TABLE = EngineTable(
    chosen="onnx",
    reason="It is faster.",
    speedup=1.5,
    largest_difference=1e-7,
    threads=2,
    ms_per_window={"torch": {1: 3.0, 32: 1.5}, "onnx": {1: 2.0, 32: 1.0}},
)


class TestWithoutAnExport:
    @pytest.mark.parametrize(("asked", "quick"), [("torch", False), ("auto", True)])
    def test_nothing_is_measured(self, network, settings, monkeypatch, asked, quick):
        monkeypatch.setitem(sys.modules, "onnxscript", None)  # an export would fail
        chosen = choose_engine(network, settings.model_copy(update={"quick": quick}), asked)

        assert (chosen.engine, chosen.model, chosen.table) == ("torch", None, None)

    def test_pytorch_where_a_package_is_missing_and_one_line_says_so(self, network, settings, monkeypatch, caplog):
        monkeypatch.setitem(sys.modules, "onnxscript", None)
        chosen = choose_engine(network, settings)

        assert (chosen.engine, chosen.model) == ("torch", None)
        assert chosen.table.reason.startswith("an ONNX model needs onnxscript, which is not installed")
        assert [record.getMessage() for record in caplog.records] == [f"the tagger runs on PyTorch: {chosen.table.reason[:-1]}"]

    def test_but_not_where_onnx_is_asked_for(self, network, settings, monkeypatch):
        monkeypatch.setitem(sys.modules, "onnxscript", None)
        with pytest.raises(TaggerError, match=r"an ONNX model needs onnxscript, .* or set training\.engine to torch"):
            choose_engine(network, settings, "onnx")

    def test_engines_take_turns(self):
        called = []

        def engine(name, seconds):
            def score(windows):
                called.append(name)
                time.sleep(seconds)
                return windows

            return score

        slow, fast = alternate([engine("slow", 0.1), engine("fast", 0.005)], batch=2, window_samples=10)

        assert slow == pytest.approx(0.1, rel=0.5)
        assert fast < slow / 3
        assert called == ["slow", "fast"] * 8


class TestTheTable:
    def test_beside_the_tagger_and_outside_its_digest(self, sealed):
        before = Tagger.open(sealed).digest
        assert read_engines(sealed) is None
        attach(sealed, ENGINES, TABLE.to_json())

        assert read_engines(sealed) == TABLE.model_dump()
        assert Tagger.open(sealed).digest == before

    @pytest.mark.parametrize("content", [b"{}", b"not JSON", b'{"chosen": "onnx", "reason": "", "colour": 1}'])
    def test_of_another_form_it_is_left_alone(self, sealed, content):
        attach(sealed, ENGINES, content)

        assert read_engines(sealed) is None
        assert Tagger.open(sealed).name == "small"


@pytest.mark.slow
class TestWithAnExport:
    def test_the_faster_engine_is_chosen_by_the_margin(self, network, settings, exported, monkeypatch):
        for slower, chosen in ((1.19, "torch"), (1.21, "onnx")):
            monkeypatch.setattr("components.tagger.engine_choice.alternate", lambda engines, batch, samples, by=slower: [by, 1.0])
            table = compare_engines(network, settings, exported)

            assert (table.chosen, table.speedup) == (chosen, slower)
            assert table.ms_per_window == {"torch": {1: slower * 1000, 32: round(slower * 1000 / 32, 3)}, "onnx": {1: 1000, 32: 31.25}}
            assert 0 <= table.largest_difference < 1e-5
            assert table.threads == torch.get_num_threads()

    def test_the_model_is_kept_where_it_is_chosen_or_asked_for(self, network, settings, exported, monkeypatch):
        monkeypatch.setattr("components.tagger.engine_choice.alternate", lambda engines, batch, samples: [1.0, 1.0])
        auto, asked = choose_engine(network, settings), choose_engine(network, settings, "onnx")

        assert (auto.engine, auto.model) == ("torch", None)
        assert (asked.engine, asked.model) == ("onnx", exported)
        assert asked.table.reason.endswith("training.engine asks for it.")

    def test_times_are_measured(self, network, settings, exported):
        table = compare_engines(network, settings, exported)

        assert all(ms > 0 for times in table.ms_per_window.values() for ms in times.values())
        assert (table.chosen == "onnx") == (table.speedup >= 1.2)
        assert json.loads(table.to_json())["ms_per_window"].keys() == {"torch", "onnx"}
