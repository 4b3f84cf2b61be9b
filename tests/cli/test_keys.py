"""timbre keys: what scripts read of it and what people are told."""

import json

import pytest
from typer.testing import CliRunner

from components.registry import ApiKeys, Registry
from timbre.cli import app


@pytest.fixture(autouse=True)
def fresh(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMBRE_DATABASE_URL", f"sqlite:///{tmp_path}/timbre.db")


def timbre(*arguments: str):
    return CliRunner().invoke(app, arguments, catch_exceptions=True)


def test_a_key_is_made_listed_and_revoked() -> None:
    made = timbre("keys", "create", "ann", "--scope", "predict", "--scope", "test", "--per-minute", "30")
    secret = made.stdout.removesuffix("\n")
    assert "\n" not in secret
    assert "opens predict, test; send it as the header X-API-Key" in made.stderr
    assert secret not in made.stderr
    with Registry() as registry:
        key = ApiKeys(registry.database).check(secret)
    assert (key.name, key.scopes, key.per_minute) == ("ann", ("predict", "test"), 30)
    assert [listed["prefix"] for listed in json.loads(timbre("keys", "list", "--json").stdout)] == [key.prefix]
    assert key.prefix in timbre("keys", "list").stdout
    assert f"revoked: {key.prefix} of ann" in timbre("keys", "revoke", "ann").stdout
    assert "revoked 20" in timbre("keys", "list").stdout


def test_the_trail_names_the_key() -> None:
    timbre("keys", "create", "ann", "--scope", "admin")
    audit = timbre("models", "audit").stdout
    assert "key created" in audit
    assert "ann" in audit


def test_looking_and_revoking_make_no_database(tmp_path) -> None:
    assert "no API keys yet: timbre keys create" in timbre("keys", "list").stdout
    assert json.loads(timbre("keys", "list", "--json").stdout) == []
    assert "there are no API keys" in str(timbre("keys", "revoke", "ann").exception)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["create", "ann", "--scope", "all"], "'all' is no scope: choose from predict, test, models, train, review, admin"),
        (["create", "ann", "--scope", "predict", "--per-minute", "0"], "not 0"),
    ],
)
def test_bad_input_is_one_sentence(arguments: list[str], sentence: str) -> None:
    result = timbre("keys", *arguments)
    assert sentence in str(result.exception)
    assert result.stdout == ""
