"""Kept audio of which no prediction is logged: its row was dropped, or its service died before it was written."""

import re
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice, takewhile

from components.monitoring.kept_audio import Kept, Place, drop
from components.registry.predictions import Predictions

MOST = 100_000  # that are looked at in one go
AT_ONCE = 500
SPARED = timedelta(days=1)  # so long a row may wait for a database that is away
CONTENT, PARTLY = re.compile(r"[0-9a-f]{64}"), re.compile(r"\.[0-9a-f]{32}")


def drop_unlogged(place: Place, predictions: Predictions, moment: datetime, most: int = MOST) -> int:
    """Remove what was last sent before a moment, and at least a day ago, and of which no prediction is logged; how many there were.

    Each call begins at a place that is drawn anew, so that calls come to all in time, however many there are.

    Args:
        most: that are looked at.
    Raises:
        OSError: the first that could not be removed, when all else is, or if they cannot be listed.
        RegistryError: if the database is away.
    """
    before_s = min(moment, predictions.clock() - SPARED).timestamp()
    count, failed = 0, list[OSError]()
    old = (one for one in islice(_round(place), most) if one.sent_s < before_s)
    while batch := list(islice(old, AT_ONCE)):
        named = [one.name for one in batch if CONTENT.fullmatch(one.name)]
        doomed = {*named} - predictions.logged_among(named)
        for one in batch:
            if one.name in doomed or PARTLY.fullmatch(one.name):
                try:
                    drop(one.uri)
                    count += 1
                except OSError as error:
                    failed.append(error)
    if failed:
        raise failed[0]
    return count


def _round(place: Place) -> Iterator[Kept]:
    """What is kept, once each, from somewhere on and then from the start."""
    start, seen = secrets.token_hex(32), set[str]()
    for one in place.kept(start):
        if not CONTENT.fullmatch(one.name):  # it lies beside what comes after the start, and has no place in the order itself
            seen.add(one.uri)
        yield one
    yield from (
        one for one in takewhile(lambda one: one.name <= start or not CONTENT.fullmatch(one.name), place.kept("")) if one.uri not in seen
    )
