"""Runs the training pipeline again and again in one process, since ZenML takes long to start; told what to do line by line.

Each line on standard input is a JSON object {"edit": file or null, "overrides": [...]}; each answer is {"ran": [...], "error": ...}.
"""

import importlib
import json
import os
import sys
from pathlib import Path


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")  # ours alone: ZenML logs to standard output
    os.dup2(2, 1)
    import pipelines.training

    for line in sys.stdin:
        answers.write(json.dumps(once(pipelines.training, json.loads(line))) + "\n")
        answers.flush()


def once(module, wish):
    """Append a comment to a file, read the steps' policies anew, and run."""
    from components.config import load_config

    if wish["edit"]:
        with Path(wish["edit"]).open("a") as file:
            file.write("\n# edited\n")

    for name in ("caching", "featurize", "train", "evaluate", "register", "validate"):
        importlib.reload(importlib.import_module(f"steps.{name}"))
    importlib.reload(module)
    try:
        run = module.training(config=load_config("configs/sample.yaml", wish["overrides"]))
    except Exception as error:
        return {"ran": [], "error": f"{type(error).__name__}: {error}"}
    return {"ran": [name for name, step in run.steps.items() if step.status.value == "completed"], "error": None}


if __name__ == "__main__":
    main()
