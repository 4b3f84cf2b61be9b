"""Which variables a stack's file may not hold."""

import pytest

from components.errors import ConfigError
from components.stacks import parse_stack
from components.stacks.hidden import is_hidden

PASSWORD = "hunter2"
NAMES = [
    "MY_SECRET",
    "CLIENT_SECRET_ID",
    "DB_PASSWD",
    "PGPASSWORD",
    "db_password",
    "MYSQL_PWD",
    "SMTP_PASS",
    "KEY_PASSPHRASE",
    "GOOGLE_CREDENTIALS",
    "AZURE_CREDENTIAL",
    "HF_TOKEN",
    "API_TOKENS",
    "OPENAI_APIKEY",
    "WANDB_API_KEY",
    "AWS_ACCESS_KEY_ID",
    "TIMBRE_ALERT_WEBHOOK",
    "KEY",
]
VALUES = [
    f"postgresql://u:{PASSWORD}@db.example.org/timbre",
    f"postgresql+psycopg://u:{PASSWORD}@db.example.org:5432/timbre",
    f"postgresql://u:with/{PASSWORD}@db.example.org/timbre",
    f"postgresql://db.example.org/timbre?user=u&password={PASSWORD}",
    f"host=db.example.org user=u password={PASSWORD}",
    f"redis://:{PASSWORD}@redis.example.org:6379/0",
    f"http://one.example.org, http://u:{PASSWORD}@two.example.org",
    f"https://bucket.example.org/clip.wav?X-Amz-Signature={PASSWORD}",
]
OPEN = {
    "TIMBRE_STORE": "s3://timbre/store",
    "AWS_ENDPOINT_URL": "http://s3.example.org:9000",
    "TIMBRE_DATABASE_URL": "postgresql://timbre@db.example.org:5432/timbre",
    "DASK_URL": "tcp://scheduler:8786",
    "HTTPS_PROXY": "http://proxy.example.org:3128/pac?for=a@b",
    "AWS_SHARED_CREDENTIALS_FILE": "/var/run/aws/credentials",
    "TOKENIZERS_PARALLELISM": "false",
    "TIMBRE_AUTH": "required",
    "KEYBOARD": "us",
    "CACHE_KEY_PREFIX": "a",
    "MONKEY": "1",
    "SINGLE_PASSES": "2",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_says_that_it_is_one(name: str):
    assert is_hidden(name, "x")


@pytest.mark.parametrize("value", VALUES)
def test_a_value_holds_one_whatever_its_name(value: str):
    assert is_hidden("SOMETHING", value)


@pytest.mark.parametrize("name", OPEN)
def test_what_is_none(name: str):
    assert not is_hidden(name, OPEN[name])


@pytest.mark.parametrize("environment", [*({"SOMETHING": value} for value in VALUES), *({name: PASSWORD} for name in NAMES)])
def test_it_is_refused_by_its_name_and_without_its_value(environment: dict[str, str]):
    (name,) = environment
    with pytest.raises(ConfigError) as refused:
        parse_stack({"environment": {"TIMBRE_STORE": "s3://timbre/store", **environment}}, "stack.yaml")
    said = str(refused.value)
    assert said.startswith(f"stack.yaml: environment holds {name}, which others would read: name it under secrets instead")
    assert "ZenML's secrets" in said
    assert PASSWORD not in said


def test_what_is_none_is_taken():
    assert parse_stack({"environment": OPEN}, "stack.yaml").environment == OPEN
