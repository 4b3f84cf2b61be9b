from datetime import UTC, datetime, timedelta

import pytest

from components.errors import ConfigError
from components.monitoring.moments import moment

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ago"), [("7d", timedelta(days=7)), ("12h", timedelta(hours=12)), ("90m", timedelta(minutes=90)), ("2w", timedelta(days=14))]
)
def test_how_long_ago(text: str, ago: timedelta) -> None:
    assert moment(text, NOW) == NOW - ago


def test_dates_are_utc_where_they_name_no_zone() -> None:
    assert moment("2026-11-01", NOW) == datetime(2026, 11, 1, tzinfo=UTC)
    assert moment("2026-11-01T08:00+02:00", NOW) == datetime(2026, 11, 1, 6, tzinfo=UTC)
    assert moment(None, NOW) is None


@pytest.mark.parametrize("text", ["yesterday", "7y", "-3d", "d"])
def test_anything_else_is_one_sentence(text: str) -> None:
    with pytest.raises(ConfigError, match=rf"^'{text}' is no moment: write 7d, 12h, 90m or 2w, or a date as 2026-11-29"):
        moment(text, NOW)
