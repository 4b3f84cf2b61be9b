"""What can go wrong because of input: one sentence that says what, where and what to do.

    TimbreError
    ├── ConfigError      a key, value or name in a configuration
    ├── DataError        a data set, its labels or its split
    ├── AudioError       bytes that cannot be decoded safely
    ├── StoreError       the store of decoded clips
    ├── TaggerError      a tagger folder, or a part that does not fit another
    └── RegistryError    a model that is unknown, inactive or archived

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


class TaggerError(TimbreError):
    """A tagger folder that is damaged, of another version, or does not fit."""


class RegistryError(TimbreError):
    """A model that the registry does not know or may not serve."""
