"""What starts without libraries that it does not need: torch takes seconds and 200 MB."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["bentos.app", "components.monitoring.look", "components.tagger.folder"])
def test_no_torch(module: str) -> None:
    assert not loads(module, {"torch"})


def test_the_process_that_watches_over_the_service_loads_no_app() -> None:
    assert not loads("bentos.service", {"torch", "pandas", "sqlalchemy", "bentos.app"})


def loads(module: str, others: set[str]) -> set[str]:
    """Which of the others come with a module."""
    code = f"import sys, {module}; print(*({others} & set(sys.modules)))"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())
