"""Why a model or a job cannot be had; a service answers these with 404, 409, 410, 409, 404, 409, 422 and, for LostLease, never.

RegistryError
├── UnknownModel     no model answers to the key
├── InactiveModel    kept, but not to be served
├── ArchivedModel    kept for audit only
├── ModelInUse       in production: promote another one first
├── UnknownJob       no training job has the id
├── JobFinished      the job has ended, and cannot be cancelled
├── KeyReused        the idempotency key belongs to another request
└── LostLease        another worker has the job now, or nobody has
"""

# ruff: noqa: N818 - the names say in which state a model or a job is

from components.errors import RegistryError


class UnknownModel(RegistryError):
    """No model answers to the key."""


class InactiveModel(RegistryError):
    """The model is kept but not served: the gate or a person said so."""


class ArchivedModel(RegistryError):
    """The model is kept for audit and refused for everything else."""


class ModelInUse(RegistryError):
    """The model is in production and cannot be taken away from under it."""


class UnknownJob(RegistryError):
    """No training job has this id."""


class JobFinished(RegistryError):
    """The training job has ended; what it made stays."""


class KeyReused(RegistryError):
    """The caller has used the idempotency key for another request."""


class LostLease(RegistryError):
    """The lease of a training job was taken over or has ended: whoever held it must stop, and has nothing to say about it any more."""
