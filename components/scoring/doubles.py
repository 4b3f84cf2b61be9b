"""What two runs scored at once, where nothing kept them apart: it stays in one part, the first by name."""

from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from components.scoring.ledger import Doubled, Ledger
from components.scoring.parts import FILES, SCORES, Parts


def settle(parts: Parts, ledger: Ledger) -> None:
    """Let the ledger learn the parts that it does not know, and take out of each what a part with an earlier name has.

    A run does so before its first part and after its last. Of two runs, whichever ends last sees the parts of both; and both would
    take out of the same part, so that no content is lost between them.

    Raises:
        DataError: if a part is damaged or cannot be written.
        S3Error: if S3 refuses.
    """
    for place, doubled in ledger.learn(parts).items():
        batch, part = place.split("/")
        if doubled.contents:
            parts.alter(SCORES, batch, part, partial(_scores_without, doubled=doubled))
        parts.alter(FILES, batch, part, partial(_files_without, doubled=doubled))


def _scores_without(table: pa.Table, doubled: Doubled) -> pa.Table:
    return table.filter(pc.invert(_is_of(table, doubled.contents)))


def _files_without(table: pa.Table, doubled: Doubled) -> pa.Table:
    """Files that another part lists go, unless their content is scored here; other files of a content are listed without scores."""
    scored = pc.and_not(table["scored"], _is_of(table, doubled.contents))
    keys = zip(*(table[name].to_pylist() for name in ("path", "size", "modified_ns")), strict=True)
    listed = pa.array([key in doubled.files for key in keys], pa.bool_())
    place = table.schema.get_field_index("scored")
    return table.set_column(place, "scored", scored).filter(pc.or_(scored, pc.invert(listed)))


def _is_of(table: pa.Table, contents: set[str]) -> pa.ChunkedArray:
    return pc.is_in(table["content"], value_set=pa.array(sorted(contents), pa.string()))
