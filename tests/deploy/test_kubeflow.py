"""What a Kubeflow install must hold: right by the API's schemas, with the least rights, and the names that the stack's YAML says."""

import re

import pytest
import yaml

from components.stacks import ZENML_KEY, load_stack
from pipelines.kubeflow.dressing import USER
from tests.fixtures.kubernetes import DEPLOY, VERSIONS, Manifests, check, name_of

STACK = load_stack(str(DEPLOY.parent / "configs/stacks/kubeflow.yaml"))
READS = {"get", "list", "watch"}
manifests = Manifests("kubeflow")
of_kind = manifests.of_kind


@pytest.mark.parametrize("document", manifests.documents(), ids=name_of)
@pytest.mark.parametrize("version", VERSIONS)
def test_the_api_takes_it(document, version):
    check(document, version)


def test_the_stack_names_what_is_there():
    kubeflow = STACK.kubeflow
    assert set(of_kind("Namespace")) == {kubeflow.user_namespace}
    assert {each["metadata"].get("namespace", kubeflow.user_namespace) for each in manifests.documents()} == {kubeflow.user_namespace}
    assert kubeflow.service_account in of_kind("ServiceAccount")
    assert set(of_kind("Secret")[kubeflow.zenml_secret]["stringData"]) == {ZENML_KEY}
    limit = of_kind("ResourceQuota")["timbre"]["spec"]["hard"]
    assert f"requests.{STACK.pod('train').gpu_resource}" in limit


def test_each_container_asks_for_disk_within_the_quota():
    assert "requests.ephemeral-storage" in of_kind("ResourceQuota")["timbre"]["spec"]["hard"]
    (limits,) = of_kind("LimitRange")["timbre"]["spec"]["limits"]
    assert limits["defaultRequest"]["ephemeral-storage"].endswith("Gi")


def test_the_claim_is_given_to_those_as_whom_steps_run():
    (job,) = of_kind("Job").values()
    pod = job["spec"]["template"]["spec"]
    assert pod["securityContext"] == {"runAsUser": USER, "runAsGroup": USER, "fsGroup": USER, "runAsNonRoot": True}
    assert [one["persistentVolumeClaim"]["claimName"] for one in pod["volumes"]] == list(of_kind("PersistentVolumeClaim"))
    assert pod["containers"][0]["image"] == STACK.pods.all.image


# (exit code, message) of what ended, as Argo says of a pod and of a DAG, and whether it begins anew.
ENDS = [
    ("1", "Error (exit code 1)", True),  # what a step's own `retries` count
    ("-1", "pod deleted", True),
    ("137", "Pod was terminated in response to imminent node shutdown.", True),
    ("-1", "The node was low on resource: memory. Threshold quantity: 100Mi, available: 90Mi.", True),
    ("-1", "Pod ephemeral local storage usage exceeds the total limit of containers 4Gi. ", True),
    ("-1", "Preempted in order to admit critical pod", True),
    ("-1", "", False),  # a DAG
    ("-1", "child 'training-x2kqv-1234567890' failed", False),  # the same of newer versions
    ("-1", "Pod was active on the node longer than the specified deadline", False),
]


@pytest.mark.parametrize(("exit_code", "message", "again"), ENDS)
def test_pods_begin_anew_and_dags_do_not(exit_code, message, again):
    patch = yaml.safe_load((DEPLOY / "kubeflow/patches/evicted.yaml").read_text())
    retry = yaml.safe_load(patch["data"]["workflowDefaults"])["spec"]["templateDefaults"]["retryStrategy"]
    assert retry["retryPolicy"] == "Always"
    asked = re.fullmatch(r"asInt\(lastRetry\.exitCode\) > 0 \|\| lastRetry\.message matches '([^']+)'", retry["expression"])
    assert asked
    assert (int(exit_code) > 0 or re.search(asked[1], message) is not None) == again


def test_the_account_is_bound_to_the_least_rights():
    (binding,) = of_kind("RoleBinding").values()
    assert of_kind("ClusterRole") == of_kind("ClusterRoleBinding") == {}
    assert [subject["name"] for subject in binding["subjects"]] == [STACK.kubeflow.service_account]
    rules = of_kind("Role")[binding["roleRef"]["name"]]["rules"]
    for rule in rules:
        assert "*" not in (*rule["verbs"], *rule["resources"], *rule["apiGroups"])
        if set(rule["verbs"]) - READS:
            assert rule["resources"] == ["workflowtaskresults"]
        if {"secrets", "configmaps"} & set(rule["resources"]):
            assert rule["resourceNames"]


def test_the_network_policy_is_of_the_pods():
    (policy,) = of_kind("NetworkPolicy").values()
    assert policy["spec"]["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "timbre", "app.kubernetes.io/component": "step"}
    assert "ingress" not in policy["spec"]
