"""The Kubernetes manifests: right by the API's schemas, strict about rights, and telling the service only what it knows."""

import kubernetes_validate
import pytest

from bentos.config import PREFIX, ServiceConfig, from_environment
from bentos.page.clips import MOST_CLIPS
from tests.fixtures.kubernetes import VERSIONS, Manifests, check, name_of
from tests.fixtures.stops import longest_stop_s

PLACES = {"TIMBRE_DATABASE_URL", "TIMBRE_MODELS", "TIMBRE_STORE"}
manifests = Manifests("kubernetes")
of_kind = manifests.of_kind


@pytest.mark.parametrize("document", manifests.documents(), ids=name_of)
@pytest.mark.parametrize("version", VERSIONS)
def test_the_api_takes_it(document, version):
    check(document, version)


def test_a_slip_would_be_found():
    broken = of_kind("Deployment")["timbre"]
    broken["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="readinesProbe"):
        check(broken, VERSIONS[-1])


def test_pods_have_no_rights():
    for deployment in of_kind("Deployment").values():
        pod = deployment["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is pod["enableServiceLinks"] is False
        for container in pod["containers"]:
            wanted = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
            assert container["securityContext"] == wanted
            assert container["resources"]["requests"].keys() >= {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]
            assert {"/tmp", "/var/lib/timbre"} <= {mount["mountPath"] for mount in container["volumeMounts"]}  # noqa: S108


def test_what_is_named_is_there():
    named = {"ConfigMap": set(of_kind("ConfigMap")), "Secret": set(of_kind("Secret")), "Claim": set(of_kind("PersistentVolumeClaim"))}
    for name, deployment in of_kind("Deployment").items():
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
        pod = deployment["spec"]["template"]["spec"]
        assert pod["serviceAccountName"] in of_kind("ServiceAccount")
        for container in pod["containers"]:
            sources = {key: value["name"] for each in container["envFrom"] for key, value in each.items()}
            assert sources["configMapRef"] in named["ConfigMap"]
            assert sources["secretRef"] in named["Secret"]
            volumes = {volume["name"] for volume in pod["volumes"]}
            assert {mount["name"] for mount in container["volumeMounts"]} == volumes, name
        claims = {volume["persistentVolumeClaim"]["claimName"] for volume in pod["volumes"] if "persistentVolumeClaim" in volume}
        assert claims <= named["Claim"]


def test_the_service_is_reached_guarded_and_scaled():
    deployment = of_kind("Deployment")["timbre"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert of_kind("Service")["timbre"]["spec"]["selector"] == labels
    assert of_kind("Service")["timbre"]["spec"]["ports"][0]["targetPort"] in {port["name"] for port in container["ports"]}
    assert of_kind("HorizontalPodAutoscaler")["timbre"]["spec"]["scaleTargetRef"]["name"] == "timbre"
    assert of_kind("PodDisruptionBudget")["timbre"]["spec"]["selector"]["matchLabels"] == labels
    for policy in of_kind("NetworkPolicy").values():
        assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()


def test_who_uses_the_page_comes_to_the_same_pod():
    """Uploads, sounds that were heard and review turns lie in a folder of one pod."""
    pod = of_kind("Deployment")["timbre"]["spec"]["template"]["spec"]
    assert from_environment(of_kind("ConfigMap")["timbre"]["data"]).page
    assert "emptyDir" in next(volume for volume in pod["volumes"] if volume["name"] == "scratch")
    assert of_kind("Service")["timbre"]["spec"]["sessionAffinity"] == "ClientIP"


def test_it_is_told_what_it_knows():
    known = {PREFIX + name.upper() for name in ServiceConfig.model_fields} | PLACES
    told = [*of_kind("ConfigMap")["timbre"]["data"], *of_kind("Secret")["timbre"]["stringData"]]
    assert [name for name in told if name.startswith(PREFIX) and name not in known] == []
    assert not {name for name in of_kind("ConfigMap")["timbre"]["data"] if "KEY" in name or "PASSWORD" in name or "URL" in name}


def test_temporary_files_fit_into_their_volume():
    """What the service may have there, with a tenth to spare, is less than what evicts the pod."""
    told = of_kind("ConfigMap")["timbre"]["data"]
    config = from_environment(told)
    pod = of_kind("Deployment")["timbre"]["spec"]["template"]["spec"]
    (scratch,) = (volume["emptyDir"]["sizeLimit"] for volume in pod["volumes"] if volume["name"] == "scratch")
    may_mib = config.num_workers * config.max_temporary_mib + MOST_CLIPS * config.max_body_mib
    limit = pod["containers"][0]["resources"]["limits"]["ephemeral-storage"]
    assert 1.1 * may_mib < mib(scratch) < mib(limit)


def test_who_stops_a_pod_waits_for_its_last_answer():
    pod = of_kind("Deployment")["timbre"]["spec"]["template"]["spec"]
    program, still_asked_s = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    assert program == "sleep"
    config = from_environment(of_kind("ConfigMap")["timbre"]["data"])
    assert pod["terminationGracePeriodSeconds"] > int(still_asked_s) + longest_stop_s(config)


def mib(size):
    return int(size.removesuffix("Gi")) * 1024
