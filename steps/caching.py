"""When a step's cached result still holds: its inputs, its parameters and every file of ours that it can import.

ZenML compares a step's own source only, and a door never changes; so each policy names the files behind the door. They are
found by following the import statements, those inside functions too, so the list cannot fall behind the code.
"""

import ast
import functools
from collections.abc import Callable, Iterator
from pathlib import Path

from zenml.config.cache_policy import CachePolicy

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("components", "steps")


def cached_on_code(module: str, also: Callable[[], str] | None = None) -> CachePolicy:
    """The cache policy of the step in `module` (dotted): its result holds until a file that it can import changes, or what `also` says."""
    files = sorted(path.relative_to(ROOT).as_posix() for path in files_used_by(module))
    return CachePolicy(file_dependencies=files, cache_func=also)


def files_used_by(module: str) -> set[Path]:
    """Every file under PACKAGES that importing and calling `module` can load, and a template that bears its name (as report.html.j2)."""
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _file_of(name)
        if path is None or name in found:
            continue
        found[name] = path
        waiting += [name.rsplit(".", 1)[0]] if "." in name else []
        waiting += _imports(path)
    pages = {page for path in found.values() for page in path.parent.glob(f"{path.stem}.*") if page.suffix in (".j2", ".css")}
    return set(found.values()) | pages


def _file_of(module: str) -> Path | None:
    if module.split(".")[0] not in PACKAGES:
        return None
    base = ROOT.joinpath(*module.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


@functools.cache
def _imports(path: Path) -> tuple[str, ...]:
    return tuple(_names(ast.parse(path.read_bytes(), str(path))))


def _names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
