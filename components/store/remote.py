"""A store on S3: shards go there as they are written, and come here, many at a time, when they are first needed."""

from collections.abc import Collection
from pathlib import Path

from components.progress import bars
from components.s3 import Remote
from components.store.folder import Folder

SAMPLES, INDEX = ".npy", ".parquet"


def send_shard(remote: Remote, shard: str, samples: bytes, index: Path) -> None:
    """Write a shard; its index last, which makes it count."""
    remote.put(f"shards/{shard}{SAMPLES}", samples)
    remote.put(f"shards/{shard}{INDEX}", index)


def bring_indexes(folder: Folder, remote: Remote) -> dict[str, int]:
    """Fetch the indexes that are not here yet; name of each index -> bytes of its samples, of the shards that have both."""
    there = remote.sizes("shards")
    found = {name: there[twin] for name in there if name.endswith(INDEX) and (twin := name.removesuffix(INDEX) + SAMPLES) in there}
    here = {f"shards/{path.name}" for path in folder.shards.glob(f"[!.]*{INDEX}")}
    remote.bring(sorted(set(found) - here), folder.path)
    return found


def bring_shards(folder: Folder, first: str, shards: Collection[str]) -> None:
    """Where the samples of the first are not here yet, fetch them, and those of all the others with them."""
    if folder.remote and not (folder.shards / f"{first}{SAMPLES}").exists():
        missing = sorted(f"shards/{shard}{SAMPLES}" for shard in set(shards) if not (folder.shards / f"{shard}{SAMPLES}").exists())
        folder.remote.bring(missing, folder.path, "fetching shards", bars)
