"""When a step's cached result still holds: its inputs, its parameters and every file of ours that it can import.

ZenML compares a step's own source only, and a door never changes; so each policy names the files behind the door. They are
found by following the import statements, those inside functions too, so the list cannot fall behind the code.
"""

import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from zenml.config.cache_policy import CachePolicy

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("components", "steps")
IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^)]*\)|[^(\n].*)|import[ \t]+(.+))", re.MULTILINE)
NAME = re.compile(r"[\w.]+")


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
    """What a file imports, by the look of its lines: a module too many does no harm, and parsing takes most of a second of each command."""
    return tuple(_names(path.read_text(encoding="utf-8")))


def _names(code: str) -> Iterator[str]:
    for module, listed, plain in IMPORT.findall(code):
        if module:
            yield module
            yield from (f"{module}.{name}" for name in NAME.findall(listed))
        else:
            yield from NAME.findall(plain)
