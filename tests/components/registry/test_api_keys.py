"""API keys: what is kept of them, whom they let in, and a rate that holds across processes."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from components.errors import RegistryError
from components.registry import ApiKey, ApiKeys, RateLimited, Registry, RevokedKey, UnknownKey, api_keys

from .conftest import UrlMaker

HOUSE = Path(__file__).parents[3]


@pytest.fixture
def keys(registry: Registry) -> ApiKeys:
    return ApiKeys(registry.database)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The moment that `spend` sees; Unix time in seconds."""
    moment = [1_800_000_000.0]
    monkeypatch.setattr("components.registry.api_keys.time", lambda: moment[0])
    return moment


def spent(keys: ApiKeys, key: ApiKey, tries: int) -> int:
    """How many of the tries were let through."""
    through = 0
    for _ in range(tries):
        try:
            keys.spend(key)
            through += 1
        except RateLimited:
            pass
    return through


def test_a_secret_opens_its_key(keys: ApiKeys) -> None:
    key, secret = keys.create("ann", ["test", "predict", "test"], "boss", per_minute=5)
    assert secret.startswith(f"timbre_{key.prefix}_")
    assert len(secret) == len("timbre_") + 8 + 1 + 43
    assert keys.check(secret) == key
    assert (key.name, key.scopes, key.per_minute) == ("ann", ("predict", "test"), 5)
    assert [key.may(scope) for scope in api_keys.SCOPES] == [True, True, False, False, False, False]


def test_admin_opens_all(keys: ApiKeys) -> None:
    key, _ = keys.create("root", ["admin"], "boss")
    assert all(key.may(scope) for scope in api_keys.SCOPES)
    assert key.per_minute == 600


def test_no_secret_is_kept(keys: ApiKeys, registry: Registry) -> None:
    _, secret = keys.create("ann", ["predict"], "boss")
    keys.revoke("ann", "boss")
    kept = [f"{registry.audit()} {keys.list()}"]
    with registry.database.read() as session:
        kept += [str(session.execute(text(query)).all()) for query in ("SELECT * FROM api_keys", "SELECT * FROM audit")]
    assert all(secret not in words and secret[-43:] not in words for words in kept)


def test_the_trail_says_who(keys: ApiKeys, registry: Registry) -> None:
    key, _ = keys.create("ann", ["predict"], "boss")
    keys.revoke(key.prefix, "guard")
    keys.revoke(key.prefix, "guard")
    about = {"name": "ann", "prefix": key.prefix}
    assert [(entry.who, entry.action, entry.detail) for entry in registry.audit()] == [
        ("guard", "key revoked", about),
        ("boss", "key created", {**about, "scopes": ["predict"], "per_minute": 600}),
    ]


@pytest.mark.parametrize("by", ["name", "prefix"])
def test_a_revoked_key_opens_nothing(keys: ApiKeys, by: str) -> None:
    key, secret = keys.create("ann", ["predict"], "boss")
    assert keys.check(secret).revoked_at is None
    assert keys.revoke(getattr(key, by), "boss").revoked_at is not None
    with pytest.raises(RevokedKey, match=f"the API key {key.prefix} was revoked at 20.*Z: ask for a new one"):
        keys.check(secret)


def test_a_name_is_free_again_once_its_key_is_revoked(keys: ApiKeys) -> None:
    first, secret = keys.create("ann", ["predict"], "boss")
    with pytest.raises(RegistryError, match="a key called 'ann' is in use"):
        keys.create("ann", ["test"], "boss")
    keys.revoke("ann", "boss")
    second, other = keys.create("ann", ["test"], "boss")
    assert keys.revoke("ann", "boss").prefix == second.prefix
    assert [key.prefix for key in keys.list()] == [second.prefix, first.prefix]
    for each in (secret, other):
        with pytest.raises(RevokedKey):
            keys.check(each)


@pytest.mark.parametrize(
    "wrong",
    ["", "timbre", "timbre_", "x" * 100_000, "timbre_aaaaaaaa_" + "b" * 43, "\0", "ключ", "\ud800", "timbre_%_" + "b" * 43, "' OR 1=1 --"],
)
def test_what_is_no_secret_is_unknown(keys: ApiKeys, wrong: str) -> None:
    keys.create("ann", ["predict"], "boss")
    with pytest.raises(UnknownKey, match="not one of this service's") as raised:
        keys.check(wrong)
    assert wrong == "" or wrong[-43:] not in str(raised.value)


def test_the_right_prefix_is_not_enough(keys: ApiKeys) -> None:
    _, secret = keys.create("ann", ["predict"], "boss")
    keys.revoke("ann", "boss")
    changed = secret[:-1] + ("A" if secret[-1] != "A" else "B")
    for wrong in (changed, secret + "A", secret[:-1], secret.upper(), secret + "\n", " " + secret):
        with pytest.raises(UnknownKey):
            keys.check(wrong)


@pytest.mark.parametrize(
    ("name", "scopes", "per_minute", "sentence"),
    [
        ("", ["predict"], 1, "a name is 1 to 100 printable characters"),
        (" a", ["predict"], 1, "no space at its ends"),
        ("a\n", ["predict"], 1, "printable"),
        ("a" * 101, ["predict"], 1, "1 to 100"),
        ("a", [], 1, "a key without a scope opens nothing: choose from predict, test, models, train, review, admin"),
        ("a", ["predict", "root"], 1, "'root' is no scope"),
        ("a", ["predict"], 0, "1 to 1000000 times a minute, not 0"),
        ("a", ["predict"], 1_000_001, "1 to 1000000 times a minute"),
    ],
)
def test_a_key_that_cannot_be(keys: ApiKeys, name: str, scopes: list[str], per_minute: int, sentence: str) -> None:
    with pytest.raises(RegistryError, match=sentence):
        keys.create(name, scopes, "boss", per_minute)
    assert keys.list() == []


@pytest.mark.parametrize("key", ["nobody", "", "\0", "x" * 5000])
def test_revoking_nothing(keys: ApiKeys, key: str) -> None:
    with pytest.raises(UnknownKey, match="`timbre keys list` shows them"):
        keys.revoke(key, "boss")


def test_whether_any_opens(keys: ApiKeys) -> None:
    assert not keys.any_active()
    keys.create("ann", ["predict"], "boss")
    assert keys.any_active()
    keys.revoke("ann", "boss")
    assert not keys.any_active()


def test_use_is_written_once_a_minute(keys: ApiKeys, registry: Registry) -> None:
    _, secret = keys.create("ann", ["predict"], "boss")
    assert keys.list()[0].last_used_at is None
    assert keys.check(secret).last_used_at is None
    first = keys.list()[0].last_used_at
    assert keys.check(secret).last_used_at == first
    assert keys.list()[0].last_used_at == first
    assert first is not None
    with registry.database.write() as session:
        session.execute(text("UPDATE api_keys SET last_used_at = :at"), {"at": (first - api_keys.USED_EVERY).replace(tzinfo=None)})
    keys.check(secret)
    later = keys.list()[0].last_used_at
    assert later is not None
    assert later > first


def test_so_many_a_minute_and_no_more(keys: ApiKeys, clock: list[float]) -> None:
    key, _ = keys.create("ann", ["predict"], "boss", per_minute=6)
    assert spent(keys, key, 9) == 6
    with pytest.raises(RateLimited, match=r"may ask 6 times a minute: ask again in 10\.0 s") as raised:
        keys.spend(key)
    assert raised.value.retry_after_s == pytest.approx(10.0)
    clock[0] += raised.value.retry_after_s + 0.001
    assert spent(keys, key, 5) == 1
    clock[0] += 60
    assert spent(keys, key, 9) == 6


def test_each_key_has_a_minute_of_its_own(keys: ApiKeys, registry: Registry) -> None:
    ann, _ = keys.create("ann", ["predict"], "boss", per_minute=1)
    bob, _ = keys.create("bob", ["predict"], "boss", per_minute=1)
    assert [spent(keys, key, 3) for key in (ann, bob)] == [1, 1]
    with registry.database.read() as session:
        assert session.scalar(text("SELECT count(*) FROM rate_windows")) == 2


def test_a_clock_set_back_locks_nobody_out(keys: ApiKeys, clock: list[float]) -> None:
    key, _ = keys.create("ann", ["predict"], "boss", per_minute=2)
    assert spent(keys, key, 3) == 2
    clock[0] -= 86_400
    assert spent(keys, key, 3) == 2


def test_the_rate_holds_among_threads(keys: ApiKeys) -> None:
    key, _ = keys.create("ann", ["predict"], "boss", per_minute=20)
    through: list[int] = []
    threads = [threading.Thread(target=lambda: through.append(spent(keys, key, 10))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 20 <= sum(through) <= 22  # one more every 3 s


def test_the_rate_holds_among_processes(new_url: UrlMaker, tmp_path: Path) -> None:
    url = new_url()
    script = """
import sys
from components.registry import ApiKeys, RateLimited
from components.registry.database import Database
keys, through = ApiKeys(Database(sys.argv[1])), 0
key = keys.check(sys.argv[2])
for _ in range(25):
    try:
        keys.spend(key)
        through += 1
    except RateLimited:
        pass
print(through)
"""
    with Registry.open(url, tmp_path) as registry:
        _, secret = ApiKeys(registry.database).create("ann", ["predict"], "boss", per_minute=30)
        began = time.monotonic()
        command = [sys.executable, "-c", script, url, secret]
        both = [subprocess.Popen(command, cwd=HOUSE, env={"PYTHONPATH": str(HOUSE)}, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        through = [int(process.communicate(timeout=120)[0]) for process in both]
    assert min(through) > 0
    assert 30 <= sum(through) <= 31 + (time.monotonic() - began) / 2


@pytest.mark.parametrize("new_url", ["postgresql"], indirect=True)
def test_a_writer_that_registers_does_not_hold_up_postgres(keys: ApiKeys, registry: Registry) -> None:
    key, _ = keys.create("ann", ["predict"], "boss")
    with registry.database.write():
        keys.spend(key)


def test_a_locked_database_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.registry.database.WAIT_S", 0)
    with Registry.open(f"sqlite:///{tmp_path}/a.db") as registry:
        keys = ApiKeys(registry.database)
        key, _ = keys.create("ann", ["predict"], "boss")
        with registry.database.write(), pytest.raises(RegistryError, match="database is locked"):
            keys.spend(key)


def test_the_record_as_json(keys: ApiKeys) -> None:
    keys.create("ann", ["predict"], "boss", per_minute=7)
    told = keys.list()[0].as_json()
    assert told.pop("created_at").endswith("Z")
    assert len(told.pop("prefix")) == 8
    assert told == {"name": "ann", "scopes": ["predict"], "per_minute": 7, "last_used_at": None, "revoked_at": None}
