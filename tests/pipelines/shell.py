"""Runs lines of the command `timbre` one after the other in one process, since torch, Lightning and ZenML take long to start.

Each line on standard input is one command line; each answer is a JSON object {"code": exit code, "out": ..., "err": ...}.
"""

import json
import os
import shlex
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

from timbre.cli import main


def run(line: str) -> dict[str, object]:
    """What the command gives for the line, `timbre` being its first word."""
    sys.argv, code = shlex.split(line), None
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        try:
            main()
        except SystemExit as end:
            code = end.code
    return {"code": code or 0, "out": out.getvalue(), "err": err.getvalue()}


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w")  # ours alone: ZenML logs to standard output
    os.dup2(2, 1)
    for line in sys.stdin:
        answers.write(json.dumps(run(line)) + "\n")
        answers.flush()
