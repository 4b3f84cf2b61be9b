"""The gate before training: Great Expectations suites over the manifest, a verdict in sentences and a page for people.

Great Expectations takes seconds to import, so that waits until there is something new to look at.
"""

from dataclasses import dataclass
from pathlib import Path

from components.config import DataConfig
from components.datasets import Gathered
from components.errors import DataError
from components.s3 import Remote, is_remote
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

    def require(self, page: Path | str | None = None) -> None:
        """Go on only where the data are ok.

        Args:
            page: the file or `s3://` address where the report is kept if they are not.
        Raises:
            DataError: with every failure, and where the report is.
            S3Error: if it cannot be put there.
        """
        if self.ok:
            return
        if page is not None:
            _keep(self.html.encode(), page)
        raise DataError("; ".join(self.failures) + (f" (report: {page})" if page else ""))


def _keep(content: bytes, place: Path | str) -> None:
    if is_remote(place):
        folder, _, name = str(place).rpartition("/")
        Remote.of(folder).put(name, content)
        return
    Path(place).parent.mkdir(parents=True, exist_ok=True)
    Path(place).write_bytes(content)


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
