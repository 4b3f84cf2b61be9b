"""`make image-worker`: the image of `timbre worker`, with all that training needs."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from bentos.image.options import CODE, HERE, ROOT, arguments, build_options, lock

TRAINING_CODE = [*CODE, "pipelines/**", "steps/**", "training.py", "prediction.py"]


def main() -> None:
    """Build an image from the command line's arguments."""
    given = arguments("Make an image that runs training jobs.").parse_args()
    tag = given.tag or f"timbre-worker:{given.variant}"
    options = [f"--{name}={value}" for name, values in build_options(given.variant, given.backend).items() for value in values]
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Path(folder), given.variant)
        file = HERE / "worker.Containerfile"
        subprocess.run(
            [given.backend, "build", *options, f"--build-arg=BASE={given.base}", f"--file={file}", f"--tag={tag}", folder], check=True
        )
    print(tag)


def lay_out(folder: Path, variant: str) -> None:
    """Copy what the image holds, and nothing else of this machine, into a build context."""
    shutil.copy(ROOT / lock("worker", variant), folder / "requirements.txt")
    for pattern in TRAINING_CODE:
        name = pattern.removesuffix("/**")
        source, target = ROOT / name, folder / "src" / name
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


if __name__ == "__main__":
    main()
