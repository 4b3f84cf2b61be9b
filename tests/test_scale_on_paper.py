"""The arithmetic of tests/benchmarks/scale_on_paper.py; the table of docs/scale.md follows from the rates that the page tells."""

import re
from dataclasses import replace

import pytest

from tests.benchmarks.paper import AUDIOSET, FMA, Corpus, Given, OfAClip, Rates, Sheet, table
from tests.fixtures.pages import read, section

CORPUS = Corpus("ten thousand", 10_000, 100.0, 16e9, 10, 1)
OF_A_CLIP = OfAClip(look_ms=1.0, rest_ms=0.5, kb=4.0)
RATES = Rates(1000, 50, 1.0, 0.5, 2.0, 1.0, dict.fromkeys((CORPUS.name, FMA.name, AUDIOSET.name), OF_A_CLIP))


def test_one_process_validates_and_many_cores_featurize() -> None:
    sheet = Sheet(CORPUS, RATES, Given())
    assert sheet.validate_s(far=False) == pytest.approx(15.0)
    assert sheet.featurize_hours * 3600 == pytest.approx(1000.0)


@pytest.mark.parametrize(
    ("latency", "bandwidth", "wanted_s"),
    [(0.16, 1e12, 100 + 5), (0.0, 1e12, 15 + 5), (0.16, 1e8, 160 + 5)],
    ids=["answers are waited for", "the CPU is", "bytes are"],
)
def test_what_is_slowest_over_s3_counts(latency: float, bandwidth: float, wanted_s: float) -> None:
    assert Sheet(CORPUS, RATES, Given(latency=latency, bandwidth=bandwidth)).validate_s(far=True) == pytest.approx(wanted_s)


def test_a_fresh_pod_lists_fetches_and_reads_each_index() -> None:
    shards = CORPUS.shards
    assert shards == round(10_000 * 100 * 22050 * 2 / 2**25) == 1314
    sheet = Sheet(CORPUS, RATES, Given(latency=0.16))
    assert sheet.indexes_here_s == pytest.approx(1.314)
    assert sheet.indexes_far_s == pytest.approx(2 * 1.314 * 0.16 + 1314 * 0.01 + 1.314)


def test_the_test_split_lies_in_nearly_every_shard_of_many_clips() -> None:
    assert Sheet(AUDIOSET, RATES, Given()).tested_shards == pytest.approx(AUDIOSET.shards, rel=1e-4)
    assert Sheet(FMA, RATES, Given()).tested_shards < 0.4 * FMA.shards


def test_the_page_adds_up() -> None:
    page = section(read("scale.md"), "What large data take")
    (told,) = re.findall(r"One core decoded.*?to fetch from S3\.", page, re.DOTALL)
    rates = Rates.told(told)
    assert str(rates) == " ".join(told.split())
    assert [line for line in page.splitlines() if line.startswith("|")] == table(rates, Given())


def test_what_is_told_is_read_back() -> None:
    rates = replace(RATES, clips={FMA.name: OF_A_CLIP, AUDIOSET.name: OfAClip(0.25, 1.75, 12.5)})
    assert Rates.told(str(rates)) == rates
