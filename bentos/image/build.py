"""`make image`: from the production tagger to a container image that serves it.

The tagger's folder goes into BentoML's model store, `bentoml build` packs it with the code, `bentoml containerize` makes the image.
A container finds the tagger by TIMBRE_MODEL_DIR, so it needs nothing of the registry that the tagger came from.
"""

import contextlib
import shutil
import tempfile
from pathlib import Path

import bentoml

from bentos.image.options import CODE, HERE, NO_CODE, ROOT, arguments, build_options, lock
from components.registry import Registry
from components.tagger import Tagger


def main() -> None:
    """Build an image from the command line's arguments."""
    parser = arguments("Make an image of the service that serves one tagger.")
    parser.add_argument("--model", default="production", help="which tagger: an alias or name@digest8 of the registry, or a tagger folder")
    given = parser.parse_args()
    tag = given.tag or f"timbre:{given.variant}"
    bento = pack(import_tagger(tagger_folder(given.model)), given.variant, given.base)
    containerize(bento, given.variant, given.backend, tag)
    print(f"{tag} serves {bento.info.labels['tagger']}")


def tagger_folder(model: str) -> Path:
    """The folder of a tagger: of the registry, or one named by its path."""
    if (Path(model) / "tagger.json").is_file():
        return Path(model)
    with Registry.look() as registry:
        return registry.folder(registry.find(model))


def import_tagger(folder: Path) -> bentoml.Model:
    """Put a tagger into BentoML's model store, once for each digest.

    Raises:
        TaggerError: if the folder is damaged.
    """
    tagger = Tagger.open(folder)
    tag = f"timbre_tagger:{tagger.digest[:16]}"
    try:
        return bentoml.models.get(tag)
    except bentoml.exceptions.NotFound:
        with bentoml.models.create(tag, labels={"name": tagger.name}, metadata={"sha256": tagger.digest}) as model:
            Path(model.path).chmod(0o755)  # the image's user is another than who builds
            shutil.copytree(folder, Path(model.path) / "tagger")  # a level below, as BentoML puts a file of its own beside it
        return model


def pack(model: bentoml.Model, variant: str, base: str) -> bentoml.Bento:
    """The Bento: code, tagger, and how its image is made."""
    digest = str(model.info.metadata["sha256"])
    return bentoml.bentos.build(
        "bentos.service:Timbre",
        name="timbre",
        labels={"tagger": f"{model.info.labels['name']}@{digest[:8]}", "variant": variant},
        include=CODE,
        exclude=NO_CODE,
        models=[str(model.tag)],
        docker={"base_image": base, "dockerfile_template": str(HERE.relative_to(ROOT) / "service.Containerfile.j2")},
        python={"requirements_txt": lock("serve", variant), "lock_packages": False},
        build_ctx=str(ROOT),
    )


def containerize(bento: bentoml.Bento, variant: str, backend: str, tag: str) -> None:
    """Make the image of a Bento."""
    options = {name.replace("-", "_"): values for name, values in build_options(variant, backend).items()}
    with contextlib.chdir(tempfile.gettempdir()):  # BentoML lays its context there and reads a template only below the working folder
        bentoml.container.build(bento.tag, backend, image_tag=(tag,), **options)  # type: ignore[call-overload]


if __name__ == "__main__":
    main()
