"""Which variables hold what others must not read: by their names, or by passwords in what they hold."""

import re

_WORDS = "PASSWORD|PASSWD|PASSPHRASE|SECRET|CREDENTIAL|WEBHOOK"
_LAST_WORDS = "KEYS?|KEY_ID|APIKEY|TOKENS?|PASS|PWD"
_NAME = re.compile(rf"{_WORDS}|(?:^|_)(?:{_LAST_WORDS})$", re.IGNORECASE)
_IS_A_FILE = re.compile("_(?:FILE|PATH|DIR)$", re.IGNORECASE)
_USER = re.compile(r"://[^\s:/@?#]*:(?!\d*[/?#])[^\s@]+@")  # a port and a path are no password, whatever comes behind them
_ASSIGNED = re.compile(r"(?:^|[\s?&;,])[\w-]*(?:password|passwd|pwd|secret|token|signature)=[^\s&;,]", re.IGNORECASE)


def is_hidden(name: str, value: str) -> bool:
    """Whether a variable is, or seems to be, a secret."""
    if _NAME.search(name) and not _IS_A_FILE.search(name):
        return True
    return bool(_USER.search(value) or _ASSIGNED.search(value))
