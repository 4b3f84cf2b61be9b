"""Why a model cannot be had or a key does not open; a service answers these with 404, 409, 410, 409, 401, 401 and 429.

RegistryError
├── DatabaseAway     the database does not answer, or is damaged; 503
├── UnknownModel     no model answers to the key
├── InactiveModel    kept, but not to be served
├── ArchivedModel    kept for audit only
├── ModelInUse       in production: promote another one first
├── UnknownKey       no API key is this one
├── RevokedKey       it was one
└── RateLimited      it has used its minute up
"""

# ruff: noqa: N818 - the names say in which state a model or key is

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


class UnknownKey(RegistryError):
    """No API key is, or answers to, what was given."""


class RevokedKey(RegistryError):
    """The API key was taken back."""


class RateLimited(RegistryError):
    """The API key has used up what it may ask for in a minute.

    Args:
        retry_after_s: when the next request would be let through.
    """

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
