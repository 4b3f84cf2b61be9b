"""What `TYPE:PATH` means."""

import pytest

from components.datasets import parse
from components.errors import DataError


@pytest.mark.parametrize(("spec", "path"), [("csv:" + "a" * 3000, "a" * 3000), ("csv:a\0b", "a\0b")])
def test_a_path_that_no_file_can_have_is_a_path(spec: str, path: str) -> None:
    assert parse(spec) == ("csv", path)


def test_a_home_that_nobody_has_is_no_path() -> None:
    with pytest.raises(DataError, match="unknown type '~nosuch'"):
        parse("~nosuch:x")
