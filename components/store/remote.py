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
    if missing := sorted(set(found) - here):
        with folder.fetching():
            remote.bring(missing, folder.path)
    return found


def bring_shards(folder: Folder, shards: Collection[str]) -> None:
    """Fetch the samples that lie on S3 and not here yet."""
    missing = sorted(f"shards/{shard}{SAMPLES}" for shard in set(shards) if not (folder.shards / f"{shard}{SAMPLES}").exists())
    if folder.remote and missing:
        with folder.fetching():
            folder.remote.bring(missing, folder.path, "fetching shards", bars)
