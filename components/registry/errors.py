"""Why a model cannot be had; a service answers these with 404, 409, 410 and 409.

RegistryError
├── DatabaseAway     the database does not answer, or is damaged; 503
├── UnknownModel     no model answers to the key
├── InactiveModel    kept, but not to be served
├── ArchivedModel    kept for audit only
└── ModelInUse       in production: promote another one first
"""

# ruff: noqa: N818 - the names say in which state a model is

from components.errors import RegistryError


class DatabaseAway(RegistryError):
    """The database does not answer now."""


class UnknownModel(RegistryError):
    """No model answers to the key."""


class InactiveModel(RegistryError):
    """The model is kept but not served: the gate or a person said so."""


class ArchivedModel(RegistryError):
    """The model is kept for audit and refused for everything else."""


class ModelInUse(RegistryError):
    """The model is in production and cannot be taken away from under it."""
