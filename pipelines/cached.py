"""ZenML takes a step's result from an earlier run only where it still lies in the artifact store; what is gone is made again."""

import logging
from functools import wraps
from typing import Any

from zenml.client import Client
from zenml.enums import ExecutionStatus
from zenml.models import ArtifactVersionResponse, StepRunResponse
from zenml.orchestrators import cache_utils

log = logging.getLogger(__name__)
EARLIER = 20  # runs of the same result, such as one of before the store was moved and back again


def look_at_cached() -> None:
    """Have ZenML look whether a cached result is there before it uses it, and use an older one, or none, where it is not.

    It believes its database. A rule of the bucket, another endpoint or a person may have removed what that names, and each run after would
    stop at the same result.
    """
    patched: Any = cache_utils
    if getattr(patched, "looks_at_cached", False):
        return
    newest = patched.get_cached_step_run

    @wraps(newest)
    def find(cache_key: str) -> StepRunResponse | None:
        found: StepRunResponse | None = newest(cache_key)
        if found is None or (lost := _lost(found)) is None:
            return found
        older = next((one for one in _all(cache_key) if _lost(one) is None), None)
        if older is None:
            log.warning("%s is gone from the artifact store: the step %s is done again", lost, found.name)
        return older

    patched.get_cached_step_run, patched.looks_at_cached = find, True


def _all(cache_key: str) -> list[StepRunResponse]:
    client = Client()
    return client.list_run_steps(
        project=client.active_project.id,
        cache_key=cache_key,
        cache_expired=False,
        status=ExecutionStatus.COMPLETED,
        sort_by="desc:created",
        size=EARLIER,
        hydrate=True,
    ).items


def _lost(step: StepRunResponse) -> str | None:
    """Where a result of a step should lie and does not; None where all are there."""
    return next((one.uri for found in step.outputs.values() for one in found if not _is_there(one)), None)


def _is_there(artifact: ArtifactVersionResponse) -> bool:
    """Whether anything lies where an artifact should; so does one of a store that cannot be asked, which the step itself will tell of."""
    try:
        return bool(Client().active_stack.artifact_store.listdir(artifact.uri))
    except FileNotFoundError:
        return False
    except Exception:  # stores fail in many ways
        log.debug("cannot be asked for: %s", artifact.uri, exc_info=True)
        return True
