"""Many objects, each named by its address: which are there, of what size, and since when."""

from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from components.errors import S3Error
from components.s3.remote import AT_ONCE, Object, Remote

ASKED_A_PAGE = 10  # objects that are asked for one by one in the time, and for the money, of a page of a listing
OF_ONE = ("denied", "name")  # kinds of S3Error that tell nothing of other objects


def find(addresses: Iterable[str]) -> dict[str, Object]:
    """What a listing says of each object that is there and may be looked at.

    A folder is listed as long as that is cheaper than to ask for the objects in it one by one.

    Raises:
        S3Error: if S3 refuses more than some of them.
    """
    folders: dict[str, set[str]] = defaultdict(set)
    for address in addresses:
        folder, _, name = address.rpartition("/")
        if folder.rstrip("/") != "s3:":  # a bucket alone is no object
            folders[folder].add(name)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="find") as pool:
        found = {address: item for part in pool.map(_listed, folders, folders.values()) for address, item in part.items()}
        left = [(folder, name) for folder, names in folders.items() for name in names if f"{folder}/{name}" not in found]
        asked = zip(left, pool.map(lambda one: _asked(*one), left), strict=True)
        found |= {f"{folder}/{name}": item for (folder, name), item in asked if item}
    return found


def _listed(folder: str, names: set[str]) -> dict[str, Object]:
    pages = len(names) // ASKED_A_PAGE
    if not pages:
        return {}
    try:
        there = Remote.of(folder).objects_beside(pages)
    except S3Error as error:
        if error.kind not in OF_ONE:
            raise
        return {}
    return {f"{folder}/{name}": there[name] for name in names & there.keys()}


def _asked(folder: str, name: str) -> Object | None:
    try:
        return Remote.of(folder).look(name)
    except S3Error as error:
        if error.kind not in OF_ONE:
            raise
        return None
