"""What the routes of one process share."""

import os
from dataclasses import dataclass

from starlette.requests import Request

from bentos.access import Access, Caller
from bentos.catalogue import Catalogue
from bentos.config import ServiceConfig
from bentos.sources import Sources
from bentos.work import Score, Work
from components.registry import ApiKeys, Registry
from components.registry.jobs import Jobs


@dataclass(frozen=True)
class Context:
    """One process's parts; all that several processes must agree on lies in the database."""

    config: ServiceConfig
    registry: Registry
    keys: ApiKeys
    jobs: Jobs
    access: Access
    catalogue: Catalogue
    sources: Sources
    work: Work

    @classmethod
    def build(cls, config: ServiceConfig, score: Score) -> "Context":
        registry = Registry()
        keys = ApiKeys(registry.database)
        sources = Sources(config.data_roots, config.s3_buckets, config.max_body_bytes, config.max_files)
        work = Work(score, config.limits, min(8, os.cpu_count() or 1))
        return cls(
            config, registry, keys, Jobs(registry.database), Access(keys, config), Catalogue(registry, config.model_dir), sources, work
        )

    def close(self) -> None:
        self.work.close()
        self.registry.close()


def context_of(request: Request) -> Context:
    found: Context = request.app.state.context
    return found


def caller_of(request: Request) -> str:
    """Who asks, for the audit trail."""
    caller: Caller | None = request.scope.get("state", {}).get("caller")
    return caller.name if caller else "anonymous"
