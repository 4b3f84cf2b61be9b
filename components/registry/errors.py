"""Why a model or job cannot be had or a key does not open; a service answers with the status that is named.

RegistryError
├── DatabaseAway     the database does not answer, is damaged, or is none for this code; 503
├── UnknownModel     no model answers to the key; 404
├── InactiveModel    kept, but not to be served; 409
├── ArchivedModel    kept for audit only; 410
├── LostFolder       the tagger folder cannot be brought here whole; 503
├── ModelInUse       in production: promote another one first; 409
├── UnknownKey       no API key is this one; 401
├── RevokedKey       it was one; 401
├── RateLimited      it has used its minute up; 429
├── UnknownJob       no training job has the id; 404
├── JobFinished      the job has ended, and cannot be cancelled; 409
├── JobCancelled     the job whose result this would be was cancelled
├── KeyReused        the idempotency key belongs to another request; 409
├── UnknownPrediction  no logged prediction has the id; 404
├── NotReviewable    the clip failed, so there is nothing to say about it; 409
├── Reviewed         somebody has reviewed the prediction; 409
├── UnfitReview      the review does not fit the prediction; 422
└── LostLease        another worker has the job now, or nobody has
"""

# ruff: noqa: N818 - the names say in which state a model, key or job is

from components.errors import RegistryError


class DatabaseAway(RegistryError):
    """The database cannot be used; the sentence has its address, which is for the log and the command line."""


class UnknownModel(RegistryError):
    """No model answers to the key."""


class InactiveModel(RegistryError):
    """The model is kept but not served: the gate or a person said so."""


class ArchivedModel(RegistryError):
    """The model is kept for audit and refused for everything else."""


class LostFolder(RegistryError):
    """A tagger folder on S3 is damaged, or cannot be kept here; the sentence has its address, which is for the log and the command line."""


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


class UnknownJob(RegistryError):
    """No training job has this id."""


class JobFinished(RegistryError):
    """The training job has ended; what it made stays."""


class JobCancelled(RegistryError):
    """Someone has cancelled the training job that this would be the result of."""


class KeyReused(RegistryError):
    """The caller has used the idempotency key for another request."""


class LostLease(RegistryError):
    """The lease of a training job was taken over or has ended: whoever held it must stop, and has nothing to say about it any more."""


class UnknownPrediction(RegistryError):
    """No logged prediction has this id."""


class NotReviewable(RegistryError):
    """The prediction's clip could not be heard."""


class Reviewed(RegistryError):
    """The prediction has a review, which stays unless it is to be replaced."""


class UnfitReview(RegistryError):
    """A review says what its prediction's model cannot.

    Args:
        field: where it says so: a field, and the place in it.
    """

    def __init__(self, message: str, *field: str | int) -> None:
        super().__init__(message)
        self.field = field
