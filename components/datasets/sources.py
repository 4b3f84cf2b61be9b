"""The menu of data set types, and what `TYPE:PATH` means."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from components.config import DataConfig
from components.datasets.bucket import standing_in
from components.datasets.clips import Dataset
from components.datasets.files import expand
from components.datasets.inference import read_inference
from components.datasets.irmas import read_irmastest, read_irmastrain
from components.datasets.joint import OWN, join_labels, needs_joining
from components.datasets.openmic import read_openmic
from components.datasets.table import MayRead, read_csv, read_table
from components.errors import ConfigError, DataError
from components.labels import LABEL_SETS, LabelSet, from_codes, label_set
from components.menus import canonical, nearest
from components.s3 import is_remote

LISTS: dict[str, Callable[[str, LabelSet, MayRead | None], Dataset]] = {"csv": read_csv, "inference": read_inference}
DATASETS: dict[str, Callable[[str, LabelSet], Dataset]] = {
    "irmastrain": read_irmastrain,
    "irmastest": read_irmastest,
    "openmic": read_openmic,
    "csv": read_csv,
    "inference": read_inference,
}


def parse(spec: str) -> tuple[str, str]:
    """`TYPE:PATH` -> (TYPE, PATH); a bare path is `inference:`.

    Raises:
        DataError: if the type is unknown (it prints the menu), or the path is missing.
    """
    source, colon, path = spec.partition(":")
    if not colon or _is_there(spec):
        source, path = "inference", spec
    if source == "s3":
        source, path = "inference", spec
    source = source.strip().lower()
    if source not in DATASETS:
        menu = ", ".join(DATASETS)
        raise DataError(f"{spec!r} has the unknown type {source!r}{nearest(source, DATASETS)}: write TYPE:PATH, TYPE one of {menu}")
    if not path.strip():
        raise DataError(f"{spec!r} names no path: write {source}:PATH")
    return source, path.strip()


def _is_there(spec: str) -> bool:
    try:
        return Path(spec).expanduser().exists()
    except (OSError, RuntimeError):  # a name that is too long; the home of a user whom this machine does not know
        return False


def read_dataset(spec: str, labels: LabelSet, may_read: MayRead | None = None) -> list[Dataset]:
    """Read `TYPE:PATH`, on disk or `s3://`; a glob of CSVs or of OpenMIC folders is several data sets, any other spec is one.

    Under IRMAS_OPENMIC, IRMAS and OpenMIC are read with labels of their own, which then say what they can of the joint ones.

    Args:
        may_read: as in `locate`; with it nothing on S3 is read.
    Raises:
        DataError: if the type is unknown, nothing is there, or a label is not in the set.
        S3Error: if S3 refuses.
    """
    with reading(spec, labels, may_read) as found:
        return found


@contextmanager
def reading(spec: str, labels: LabelSet, may_read: MayRead | None = None) -> Iterator[list[Dataset]]:
    """The same for who looks at what stands for the objects of a bucket, which stays as it is while this lasts. Not to be nested."""
    source, path = parse(spec)
    if not is_remote(path):
        yield _read(source, path, labels, may_read)
        return
    if may_read is not None:
        raise DataError(f"{spec} lies on S3, where no data set is read from here: name a folder")
    with standing_in(path) as (here, unfit):
        found = _read(source, here, labels, None)
        found[0].bad += unfit
        yield found


def _read(source: str, path: str, labels: LabelSet, may_read: MayRead | None) -> list[Dataset]:
    places = [str(place) for place in expand(path)] if source in ("csv", "openmic") else [path]
    joins = needs_joining(source, labels)
    own = OWN[source] if joins else labels
    found = [LISTS[source](place, own, may_read) if source in LISTS else DATASETS[source](place, own) for place in places]
    return [join_labels(dataset) for dataset in found] if joins else found


def resolve_labels(data: DataConfig, labels: str | Iterable[str]) -> LabelSet:
    """The label set that a Config names: IRMAS, OPENMIC, IRMAS_OPENMIC, `CSV` for the columns of its CSVs, or the codes themselves.

    Raises:
        ConfigError: if the name is unknown, or `CSV` is said and no CSV named.
    """
    if not isinstance(labels, str):
        return _of_codes(list(labels))
    if canonical(labels) != "CSV":
        return label_set(labels)
    named = [path for source, path in map(parse, (*data.train, *data.val, *data.test, *data.reviewed)) if source == "csv"]
    if not named:
        raise ConfigError("labels: CSV takes the labels from the columns of a CSV, and data names none: add one as csv:PATH")
    columns = [column for path in named for column in _columns(path)]
    if not columns:
        raise DataError(f"{named[0]} has no label columns: add one 0/1 column a label")
    return from_codes(dict.fromkeys(columns))


def _columns(path: str) -> list[str]:
    with standing_in(path) if is_remote(path) else nullcontext((path, ())) as (here, _):
        return [column for table in expand(here) for column in read_table(table).labels]


def _of_codes(codes: list[str]) -> LabelSet:
    """Codes that a known set has keep their full names and families."""
    for known in LABEL_SETS.values():
        if codes and all(code in known.index for code in codes):
            return LabelSet("CODES", tuple(known.labels[known.index[code]] for code in codes))
    return from_codes(codes, "CODES")
