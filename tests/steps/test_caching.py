"""A step's cache policy names the files that the step really uses."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from steps import caching
from steps.caching import PACKAGES, ROOT, cached_on_code, files_used_by

STEPS = ["featurize", "train", "evaluate"]


def names(step: str) -> set[str]:
    return {path.relative_to(ROOT).as_posix() for path in files_used_by(f"steps.{step}")}


@pytest.mark.parametrize("step", STEPS)
def test_every_file_that_an_import_loads_is_named(step: str) -> None:
    code = (
        f"import sys; import steps.{step}\n"
        "for name, module in list(sys.modules.items()):\n"
        "    if name.split('.')[0] in ('components', 'steps') and getattr(module, '__file__', None): print(module.__file__)"
    )
    printed = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    loaded = {Path(line).relative_to(ROOT).as_posix() for line in printed.splitlines() if line.startswith(str(ROOT))}
    assert loaded
    assert loaded <= names(step)


def test_every_import_statement_is_read() -> None:
    """Against Python's own reading of every file of ours."""
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        wanted = set[str]()
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                wanted |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                wanted |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        assert wanted <= set(caching._imports(path)), path


def test_imports_inside_functions_count() -> None:
    assert "components/training/learner.py" in names("train")


def test_a_step_does_not_name_what_it_does_not_use() -> None:
    assert not {
        name for name in names("featurize") if name.startswith(("components/models/", "components/training/", "components/registry/"))
    }
    assert not {name for name in names("train") if name.startswith(("components/registry/", "components/validation/"))}
    assert not {name for name in names("train") if "report" in name or "/plots/" in name}
    assert not {name for name in names("evaluate") if name.startswith(("components/training/", "components/registry/"))}


def test_templates_beside_the_code_count() -> None:
    assert any(name.endswith((".html", ".j2", ".jinja")) for name in names("evaluate"))


def test_the_policy_is_relative_to_the_source_root() -> None:
    policy = cached_on_code("steps.featurize")
    assert policy.file_dependencies == sorted(policy.file_dependencies)
    assert all((ROOT / name).is_file() for name in policy.file_dependencies)
