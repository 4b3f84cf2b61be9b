"""The compose file: every part waits for what it needs, has a health check, keeps its data, and holds no password."""

import json
import re
from pathlib import Path

import yaml

from bentos.config import PREFIX, ServiceConfig
from tests.fixtures.stops import longest_stop_s

FOLDER = Path(__file__).parents[2] / "deploy"
TEXT = (FOLDER / "compose.yaml").read_text()
FILE = yaml.safe_load(TEXT)
SERVICES = FILE["services"]
OURS = ("service", "worker")


def test_all_parts_are_there():
    assert SERVICES.keys() == {"service", "worker", "database", "storage"}
    assert FILE.keys() - {"name", "services", "volumes", "configs"} == {"x-timbre", "x-environment"}


def test_parts_wait_for_what_they_need():
    assert SERVICES["service"]["depends_on"].keys() == {"database", "storage"}
    for part in SERVICES.values():
        for other, how in part.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}
            assert "healthcheck" in SERVICES[other] or other == "service"  # whose image has one


def test_data_outlive_containers():
    for part in SERVICES.values():
        names = [volume.split(":")[0] for volume in part["volumes"]]
        assert names
        assert set(names) <= FILE["volumes"].keys()
    for name in OURS:
        assert "timbre:/var/lib/timbre" in SERVICES[name]["volumes"]


def test_ours_have_no_rights():
    for name in OURS:
        assert SERVICES[name]["read_only"] is True
        assert SERVICES[name]["cap_drop"] == ["ALL"]
        assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]


def test_nothing_is_open_to_other_machines():
    assert {name for name, part in SERVICES.items() if "ports" in part} == {"service"}
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["service"]["ports"])


def test_secrets_come_from_the_environment_and_the_example_names_them_all():
    wanted = set(re.findall(r"\$\{(\w+):\?", TEXT))
    given = dict(line.split("=") for line in (FOLDER / "example.env").read_text().splitlines() if line and line[0] != "#")
    assert wanted == {"POSTGRES_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_KEEPER_ACCESS_KEY", "S3_KEEPER_SECRET_KEY"}
    assert wanted <= given.keys()
    assert "$" in SERVICES["database"]["environment"]["POSTGRES_PASSWORD"]


def test_who_stops_the_service_waits_for_its_last_answer():
    assert "TIMBRE_TIME_LIMIT_S" not in SERVICES["service"]["environment"]  # the default holds
    period = re.fullmatch(r"(?:(\d+)m)?(?:(\d+)s)?", SERVICES["service"]["stop_grace_period"])
    assert 60 * int(period[1] or 0) + int(period[2] or 0) > longest_stop_s(ServiceConfig())
    page = (FOLDER.parent / "docs" / "container.md").read_text()
    (run,) = re.findall(r"podman run --detach .*", page)
    assert int(re.search(r"--stop-timeout (\d+)", run)[1]) > longest_stop_s(ServiceConfig())


def test_it_is_told_what_it_knows():
    known = {PREFIX + name.upper() for name in ServiceConfig.model_fields} | {"TIMBRE_DATABASE_URL"}
    for name in OURS:
        assert [each for each in SERVICES[name]["environment"] if each.startswith(PREFIX) and each not in known] == []


def test_what_is_large_goes_to_a_disk_and_memory_is_bounded():
    for name in OURS:
        place = SERVICES[name]["environment"]["TMPDIR"]
        assert f"{name}-scratch:{place}" in SERVICES[name]["volumes"]
        assert [mount.split(":")[0] for mount in SERVICES[name]["tmpfs"]] == ["/tmp"]  # noqa: S108
        assert all("size=" in mount for mount in SERVICES[name]["tmpfs"])


def test_the_service_only_reads_from_storage():
    identities = json.loads(FILE["configs"]["s3"]["content"])["identities"]
    may = {identity["credentials"][0]["accessKey"]: set(identity["actions"]) for identity in identities}
    for name in OURS:
        assert may[re.sub(":.*}", "}", SERVICES[name]["environment"]["AWS_ACCESS_KEY_ID"])] == {"Read", "List"}
