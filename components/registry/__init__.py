"""What may be served: SQL tables and tagger folders by digest, the gate before production, and the doctor of both.

The gate lies in `components.registry.gate`, which needs numpy and pandas; this door is light.
"""

from components.registry.doctor import Finding, examine
from components.registry.errors import ArchivedModel, DatabaseAway, InactiveModel, ModelInUse, UnknownModel
from components.registry.records import AuditEntry, Card, Decision, Page, RegisteredModel, rfc3339
from components.registry.registry import Registry

__all__ = [
    "ArchivedModel",
    "AuditEntry",
    "Card",
    "DatabaseAway",
    "Decision",
    "Finding",
    "InactiveModel",
    "ModelInUse",
    "Page",
    "RegisteredModel",
    "Registry",
    "UnknownModel",
    "examine",
    "rfc3339",
]
