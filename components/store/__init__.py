"""Decoded clips on disk: each is decoded once, kept by its content in memory-mapped shards, and shared by every run.

<root>/id                           tells this store from another
<root>/clips/<rate>hz-<settings>/   one folder for each way of decoding
    settings.json                   what that way is
    shards/<name>.npy, .parquet     int16 samples of many clips end to end; which clips, where, at what scale
    views/<digest>.parquet          one manifest of stored clips each: what a StoreRef names
<root>/embeddings/                  what frozen backbones hear in the clips
"""

from components.store.build import Built, build_store
from components.store.embeddings import Embeddings
from components.store.garbage import Freed, collect_garbage
from components.store.identity import identity
from components.store.read import Store, open_store
from components.store.ref import StoreRef

__all__ = ["Built", "Embeddings", "Freed", "Store", "StoreRef", "build_store", "collect_garbage", "identity", "open_store"]
