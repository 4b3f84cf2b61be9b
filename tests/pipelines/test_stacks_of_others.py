"""What others put into ZenML under a stack's name stays as it is, and what is ours is brought up to date, however far it came."""

import json

from tests.pipelines.conftest import ROOT, Project

SCRIPT = f"""
import json
from zenml.client import Client
from components.errors import StackError
from components.stacks import load_stack
from pipelines import stacks
from pipelines.stacks import register
from zenml.enums import StackComponentType as Types

client, store = Client(), Types.ARTIFACT_STORE
keys = {{"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}}
told = load_stack({str(ROOT / "configs/stacks/local_s3.yaml")!r})
default = {{kind: parts[0].id for kind, parts in client.get_stack("default").components.items()}}

def refused(name, told=told):
    try:
        register(name, told, keys)
    except StackError as error:
        return str(error)

def broken_off(name, where, at):
    whole = getattr(where, at)
    def breaks(*args, **kwargs):
        raise KeyboardInterrupt
    setattr(where, at, breaks)
    try:
        register(name, told, keys)
    except KeyboardInterrupt:
        pass
    finally:
        setattr(where, at, whole)

path = {{"path": "s3://theirs/path", "authentication_secret": "theirs"}}
client.create_secret("theirs", {{"aws_access_key_id": "x", "aws_secret_access_key": "y"}})
team = client.create_stack_component("team", "s3", store, path)
client.create_stack("theirs", {{**default, store: team.id}})
client.create_stack_component("near", "local", store, {{"path": "/srv/near"}})
client.create_secret("timbre-kept", {{"THEIRS": "1"}})
said = [refused(name) for name in ("team", "near", "kept")]
found = {{
    "said": said,
    "kept": client.get_stack_component(store, "team").configuration,
    "secrets": sorted(one.name for one in client.list_secrets().items),
}}
broken_off("half", stacks, "_component")
broken_off("half", Client, "create_stack")
broken_off("half", Client, "update_stack")
again = [refused("half"), refused("half")]
old = register("old", told, keys)
(part,) = old.components[store]
client.update_stack_component(part.id, store, labels={{stacks.LABEL: None}})
again.append(refused("old", load_stack({str(ROOT / "configs/stacks/local_s3.yaml")!r}, ["artifact_store.path=s3://new/path"])))
part = client.get_stack_component(store, "old")
print(json.dumps({{**found, "again": again, "path": part.configuration["path"], "label": part.labels}}))
"""


def test_nothing_of_others_is_written_over(bare_project: Project):
    found = json.loads(bare_project.python(SCRIPT).splitlines()[-1])
    store = "that was not registered by Timbre: choose another name for the stack, or, if nobody needs it, delete it with `zenml "
    assert found["said"] == [
        f"ZenML has an artifact store team {store}artifact-store delete team`",
        f"ZenML has an artifact store near {store}artifact-store delete near`",
        f"ZenML has a secret timbre-kept {store}secret delete timbre-kept`",
    ]
    assert found["kept"] == {"path": "s3://theirs/path", "authentication_secret": "theirs"}
    assert found["secrets"] == ["theirs", "timbre-kept"]
    assert found["again"] == [None, None, None]
    checked = bare_project.run("timbre", "stack", "check", "theirs")
    assert "not registered by Timbre, so nothing is known of it" in checked.stdout
    assert "artifact store" not in checked.stdout
    assert (found["path"], found["label"]) == ("s3://new/path", {"timbre": "old"})
