"""What can go wrong because of input: one sentence that says what, where and what to do.

    TimbreError
    ├── ConfigError      a key, value or name in a configuration
    ├── DataError        a data set, its labels or its split
    ├── AudioError       bytes that cannot be decoded safely
    ├── StoreError       the store of decoded clips
    ├── S3Error          an object store: its credentials, a bucket, an object, no answer
    ├── ClusterError     a Dask cluster: no answer, no workers, workers that do not see what they need
    ├── TaggerError      a tagger folder, or a part that does not fit another
    ├── RegistryError    a model that is unknown, inactive or archived
    └── StackError       a stack that lacks a part, or a run on it that cannot go on

Anything else that escapes is a bug of ours. The command line prints a TimbreError without a traceback and leaves with 2.
"""


class TimbreError(ValueError):
    """Bad input; the message is one sentence for the person who gave it."""


class ConfigError(TimbreError):
    """A configuration that names something unknown or asks for the impossible."""


class DataError(TimbreError):
    """A data set that is missing, mislabelled or too broken to train on."""


class AudioError(TimbreError):
    """Audio that cannot be decoded, or is larger than the limits allow."""


class StoreError(TimbreError):
    """A store that is damaged, full or of another version."""


class S3Error(TimbreError):
    """An object store that refuses, lacks what is asked for, or gives no answer.

    Attributes:
        kind: credentials, denied, bucket, name, region, missing, large, damaged, taken, unable, full (S3), disk (here) or away.
    """

    def __init__(self, message: str, kind: str = "away") -> None:
        super().__init__(message)
        self.kind = kind


class ClusterError(TimbreError):
    """A Dask cluster that is away, has no workers, or whose workers lack the code, the data or the store."""


class TaggerError(TimbreError):
    """A tagger folder that is damaged, of another version, or does not fit."""


class RegistryError(TimbreError):
    """A model that the registry does not know or may not serve."""


class StackError(TimbreError):
    """A stack that lacks a part, or a run on it that cannot go on."""
