"""Moments as people write them."""

import re
from datetime import UTC, datetime, timedelta

from components.errors import ConfigError

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(text: str | None, now: datetime) -> datetime | None:
    """`7d`, `12h`, `90m` or `2w` before now, or an ISO date or time, which is UTC where it names no zone.

    Raises:
        ConfigError: if it is neither.
    """
    if not text:
        return None
    try:
        if ago := re.fullmatch(r"(\d{1,6})([mhdw])", text.strip()):
            return now - timedelta(**{UNITS[ago[2]]: int(ago[1])})
        found = datetime.fromisoformat(text.strip())
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ConfigError(f"{text!r} is no moment: write 7d, 12h, 90m or 2w, or a date as 2026-11-29 or 2026-11-29T08:00") from None
