"""The suites themselves. Importing this module imports Great Expectations, which takes seconds."""

import logging
import os
import warnings
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from components.config import DataConfig
from components.datasets import DATASETS, SPLITS
from components.labels import LabelSet
from components.validation.gates import Gate, wanted_splits
from components.validation.outcome import Outcome
from components.validation.tables import Tables

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # before the import: some releases report home from there
logging.getLogger("great_expectations").setLevel(logging.WARNING)  # it tells at length how it starts
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its dependencies warn about the Python version and their own future
    import great_expectations as gx
    import great_expectations.expectations as gxe
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults, ProgressBarsConfig
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaSectionView


def suites(labels: LabelSet, data: DataConfig) -> dict[str, list[Any]]:
    """Table -> its expectations; each names the gate that it guards."""
    codes = [escape(code) for code in labels.codes]
    by_name: dict[str, list[Any]] = {
        "files": [_expect("ColumnMeanToBeBetween", "bad", column="left_out", min_value=0, max_value=data.max_bad_fraction)],
        "clips": [
            _expect("ColumnValuesToNotBeNull", "manifest", column="path"),
            _expect("ColumnValuesToBeUnique", "manifest", column="clip_id"),
            _expect("ColumnValuesToMatchRegex", "manifest", column="sha256", regex="^[0-9a-f]{64}$"),
            _expect("ColumnValuesToBeBetween", "manifest", column="duration_s", min_value=data.min_duration_s),
            _expect("ColumnValuesToBeBetween", "manifest", column="sample_rate", min_value=1),
            _expect("ColumnValuesToBeBetween", "manifest", column="channels", min_value=1),
            _expect("ColumnValuesToBeInSet", "manifest", column="source", value_set=list(DATASETS)),
            _expect("ColumnValuesToBeInSet", "manifest", column="split", value_set=list(SPLITS)),
            _expect("ColumnDistinctValuesToContainSet", "splits", column="split", value_set=wanted_splits(data)),
        ],
        "labels": [_expect("ColumnValuesToBeInSet", "labels", column="label", value_set=codes)],
        "labels of train": [_expect("ColumnDistinctValuesToContainSet", "classes", column="label", value_set=codes)],
        "groups": [_expect("ColumnValuesToBeUnique", "groups", column="group")],
        "recordings": [_expect("ColumnValuesToBeUnique", "recordings", column="sha256")],
    }
    if not data.train:
        del by_name["labels of train"]
    return by_name


def check(tables: Tables, labels: LabelSet, data: DataConfig) -> list[Outcome]:
    """Run every suite in memory; nothing is written and nothing is sent."""
    of_train = tables.labels[tables.labels["split"] == "train"]
    views = {**vars(tables), "labels of train": of_train}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context = gx.get_context(mode="ephemeral", project_config=_project())
        source = context.data_sources.add_pandas("manifest")
        return [_run(source, name, views[name], expectations) for name, expectations in suites(labels, data).items()]


def _project() -> DataContextConfig:
    """In memory: no site on disk, no progress bars, no reports home."""
    return DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        progress_bars=ProgressBarsConfig(globally=False, metric_calculations=False),
        analytics_enabled=False,
    )


def _expect(name: str, gate: Gate, **arguments: Any) -> Any:
    return getattr(gxe, f"Expect{name}")(meta={"gate": gate}, **arguments)


def _run(source: Any, name: str, table: pd.DataFrame, expectations: Sequence[Any]) -> Outcome:
    table = table.map(lambda cell: escape(cell) if isinstance(cell, str) else cell)  # its Data Docs show values as they are
    batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("all").get_batch({"dataframe": table})
    result = batch.validate(gx.ExpectationSuite(name=name, expectations=expectations), result_format="SUMMARY")
    for single in result.results:
        if isinstance(single.result.get("observed_value"), np.generic):  # its Data Docs cannot show numpy's own numbers
            single.result["observed_value"] = single.result["observed_value"].item()
    failed = [single.expectation_config.meta["gate"] for single in result.results if not single.success]
    return Outcome(name, failed, _data_docs(result, name))


def _data_docs(result: Any, name: str) -> str:
    """The sections of a suite's Data Docs page, without the one about the run: it holds nothing but times."""
    view = DefaultJinjaSectionView()
    *sections, _ = ValidationResultsPageRenderer(run_info_at_end=True).render(result).sections
    places = [{"index": f"{name.replace(' ', '-')}-{place}"} for place in range(len(sections))]
    return "".join(
        view.render({"section": section.to_json_dict(), "section_loop": at}) for section, at in zip(sections, places, strict=True)
    )
