"""Several processes at once, and processes that are killed at random moments."""

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from components.registry import Card, Registry, examine, folders

from .conftest import TaggerMaker, UrlMaker, yes

SCRIPT = Path(__file__).with_name("register_once.py")
HOUSE = Path(__file__).parents[3]


def start(url: str, root: Path, folder: Path, *line: str) -> "subprocess.Popen[str]":
    command = [sys.executable, str(SCRIPT), url, str(root), str(folder), *line]
    return subprocess.Popen(command, cwd=HOUSE, env={"PYTHONPATH": str(HOUSE)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: "subprocess.Popen[str]") -> list[str]:
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return out.split()


def check_whole(registry: Registry, digest: str) -> None:
    assert [model.digest for model in registry.list().items] == [digest]
    assert registry.find().digest == digest
    assert [entry.action for entry in registry.audit()] == ["promoted", "registered"]
    assert examine(registry) == []


def test_two_processes_open_a_fresh_database_and_register_the_same(new_url: UrlMaker, make_tagger: TaggerMaker, tmp_path: Path) -> None:
    url, root, folder = new_url(), tmp_path / "models", make_tagger(b"w" * 3_000_000)
    both = [start(url, root, folder) for _ in range(2)]
    digests = {finish(process)[1] for process in both}
    assert len(digests) == 1
    with Registry(url, root) as registry:
        check_whole(registry, digests.pop())


def kill_and_rerun(new_url: UrlMaker, make_tagger: TaggerMaker, card: Card, tmp_path: Path, kills: int) -> None:
    folder = make_tagger(b"w" * 3_000_000, card_json=b"{}")
    lines, digest = finish(start(new_url(), tmp_path / "uninterrupted", folder))
    draw = random.Random(kills)
    for number in range(kills):
        url, root = new_url(), tmp_path / f"killed-{number}"
        at = draw.randint(1, int(lines))
        process = start(url, root, folder, str(at))
        process.communicate(timeout=120)
        assert process.returncode == -signal.SIGKILL, f"line {at} of {lines}"
        assert all(not folders.faults(path, name) for name, path in folders.by_digest(root).items()), f"line {at} of {lines}"
        with Registry(url, root) as registry:
            assert {model.digest for model in registry.list().items} <= set(folders.by_digest(root)), f"line {at} of {lines}"
            again = registry.register(folder, card, yes, who="ann")
            assert again.digest == digest, f"line {at} of {lines}"
            check_whole(registry, digest)


def test_after_three_kills_a_rerun_gives_the_same(new_url: UrlMaker, make_tagger: TaggerMaker, card: Card, tmp_path: Path) -> None:
    kill_and_rerun(new_url, make_tagger, card, tmp_path, kills=3)


@pytest.mark.slow
def test_after_twenty_kills_a_rerun_gives_the_same(new_url: UrlMaker, make_tagger: TaggerMaker, card: Card, tmp_path: Path) -> None:
    kill_and_rerun(new_url, make_tagger, card, tmp_path, kills=20)


def test_the_door_is_light() -> None:
    asked = "import components.registry, sys; print(sorted({'alembic', 'numpy', 'pandas', 'torch', 'psycopg'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", asked], cwd=HOUSE, env={"PYTHONPATH": str(HOUSE)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]", done.stdout
