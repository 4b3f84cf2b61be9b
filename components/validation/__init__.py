"""The gate before training: Great Expectations suites over the manifest, a verdict in sentences and a page for people.

Great Expectations takes seconds to import, so that waits until there is something new to look at.
"""

from dataclasses import dataclass
from pathlib import Path

from components.config import DataConfig
from components.datasets import Gathered
from components.errors import DataError
from components.validation.gates import explain
from components.validation.kept import check_once
from components.validation.page import render_page
from components.validation.tables import tables_of

__all__ = ["Verdict", "validate"]


@dataclass(frozen=True)
class Verdict:
    """Whether the data may be trained on.

    Args:
        failures: one sentence a failed gate, empty where ok.
        html: verdict, counts, bad clips, notes and Data Docs in one page that needs nothing else.
    """

    ok: bool
    failures: list[str]
    html: str

    def require(self, page: Path | None = None) -> None:
        """Go on only where the data are ok.

        Args:
            page: where the report is kept if they are not.
        Raises:
            DataError: with every failure, and where the report is.
        """
        if self.ok:
            return
        if page is not None:
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(self.html, encoding="utf-8")
        raise DataError("; ".join(self.failures) + (f" (report: {page})" if page else ""))


def validate(gathered: Gathered, data: DataConfig, keep: Path | None = None) -> Verdict:
    """Check the manifest: files, labels, a clip of each class in train, and no group or audio in two splits.

    Args:
        keep: the folder in which what the suites say is kept, for when they are asked the same again.
    """
    tables = tables_of(gathered)
    outcomes = check_once(tables, gathered.manifest.label_set, data, keep)
    gates = [gate for outcome in outcomes for gate in outcome.failed]
    failures = [sentence for gate in dict.fromkeys(gates) for sentence in explain(gate, gathered, tables, data)]
    return Verdict(not failures, failures, render_page(gathered, tables, failures, outcomes))
