"""Who runs this process, for the audit trail."""

import getpass
import os


def who() -> str:
    """The user's name; `uid-1234` for a user that the machine has no name for, as in containers under a number of their own."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"
