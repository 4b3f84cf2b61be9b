"""No pin is a release whose flaw is known: the part of `make audit` that needs no network."""

import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]
AFFECTED = tomllib.loads((ROOT / "deploy/advisories.toml").read_text())["affected"]
LOCKS = sorted(ROOT.glob("requirements*.lock"))


def flaws(lines: list[str]) -> list[str]:
    pins = dict(line.split("==") for line in lines)
    told = ((name, flaw, SpecifierSet(span)) for name in pins.keys() & AFFECTED.keys() for flaw, span in AFFECTED[name].items())
    return sorted(f"{name}=={pins[name]}: {flaw}" for name, flaw, span in told if span.contains(pins[name], prereleases=True))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_no_pin_has_a_known_flaw(lock):
    assert flaws(lock.read_text().splitlines()) == []


def test_a_flaw_would_be_found():
    found = ["lightning==2.6.3: malware in the release", "starlette==0.49.0: CVE-2025-62727"]
    assert flaws(["starlette==0.49.0", "lightning==2.6.3", "numpy==2.4.6", "torch==2.6.0"]) == found


def test_the_list_speaks_of_what_is_pinned():
    pinned = {line.split("==")[0] for lock in LOCKS for line in lock.read_text().splitlines()}
    assert AFFECTED.keys() - pinned == set()
