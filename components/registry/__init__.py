"""What may be served and to whom: SQL tables and tagger folders by digest, the gate before production, API keys, and the doctor of all.

The gate lies in `components.registry.gate`, which needs numpy and pandas; this door is light.
"""

from components.registry.api_keys import SCOPES, ApiKey, ApiKeys, Scope
from components.registry.doctor import Finding, examine
from components.registry.errors import (
    ArchivedModel,
    DatabaseAway,
    InactiveModel,
    ModelInUse,
    RateLimited,
    RevokedKey,
    UnknownKey,
    UnknownModel,
)
from components.registry.records import AuditEntry, Card, Decision, Page, RegisteredModel, rfc3339
from components.registry.registry import Registry

__all__ = [
    "SCOPES",
    "ApiKey",
    "ApiKeys",
    "ArchivedModel",
    "AuditEntry",
    "Card",
    "DatabaseAway",
    "Decision",
    "Finding",
    "InactiveModel",
    "ModelInUse",
    "Page",
    "RateLimited",
    "RegisteredModel",
    "Registry",
    "RevokedKey",
    "Scope",
    "UnknownKey",
    "UnknownModel",
    "examine",
    "rfc3339",
]
