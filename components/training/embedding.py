"""What a frozen backbone hears in stored clips: computed once, then read from the store."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from components.audio import window_starts
from components.models.heads import mean_and_max
from components.network import Network
from components.progress import Progress
from components.store import Store
from components.tagger import TaggerSettings
from components.tagger.engine import exact
from components.training.interrupt import Interrupt

FORMAT = 1
BATCH_SIZE = 16
KEPT_AT_ONCE = 512  # clips that wait to be written: what a crash loses at most
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Embedded:
    """Windows of clips: `values` [window, 2 width], means over time and then maxima, and the `clips` [window] that they are of, rising."""

    values: Floats
    clips: npt.NDArray[np.int64]


def embed_clips(network: Network, store: Store, settings: TaggerSettings, interrupt: Interrupt, progress: Progress) -> Embedded:
    """Embed every window of the clips, as scoring cuts them; clips whose embeddings are in the store are not computed again.

    They are kept under the digest of feature, statistics and backbone weights, and the length and hop of windows, so that a change of
    any of these finds none.

    Args:
        store: one clip or more.
        network: in eval mode, on any device.
        interrupt: ends it after a batch; what is computed by then is kept.
    Raises:
        KeyboardInterrupt: if it was interrupted.
        StoreError: if the disk is full.
    """
    shas = store.manifest.frame["sha256"].tolist()
    kept = store.embeddings(embedding_key(network, settings))
    known = kept.read(set(shas))
    missing = {sha256: place for place, sha256 in enumerate(shas) if sha256 not in known}
    fresh: dict[str, Floats] = {}
    try:
        for sha256, rows in progress(_computed(network, store, missing, settings, interrupt), "embed", len(missing)):
            fresh[sha256] = known[sha256] = rows
            if len(fresh) >= KEPT_AT_ONCE:
                kept.add(fresh)
                fresh = {}
    finally:
        kept.add(fresh)
    each = [known[sha256] for sha256 in shas]
    return Embedded(np.concatenate(each), np.repeat(np.arange(len(each)), [len(windows) for windows in each]))


def embedding_key(network: Network, settings: TaggerSettings) -> str:
    """sha256 of all that an embedding depends on besides the clip: the names and parameters of feature and backbone, weights, windows."""
    about = {
        "format": FORMAT,
        "feature": settings.feature.model_dump(mode="json"),
        "model": [settings.model.name, settings.model.params],
        "samples": [settings.window_samples, settings.hop_samples],
    }
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name, tensor in sorted(network.state_dict().items()):
        if not name.startswith(("head.", "projection")):
            digest.update(f"\n{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _computed(
    network: Network, store: Store, missing: dict[str, int], settings: TaggerSettings, interrupt: Interrupt
) -> Iterator[tuple[str, Floats]]:
    """Each missing clip's sha256 and windows, a few clips at a time."""
    length, hop = settings.window_samples, settings.hop_samples
    starts = {sha256: window_starts(int(store.num_samples[place]), length, hop) for sha256, place in missing.items()}
    group: list[str] = []
    for count, sha256 in enumerate(missing, start=1):
        group.append(sha256)
        if sum(len(starts[one]) for one in group) < BATCH_SIZE and count < len(missing):
            continue
        places = np.concatenate([[missing[one]] * len(starts[one]) for one in group])
        firsts = np.concatenate([starts[one] for one in group])
        rows = [
            _hear(network, store.batch(places[first : first + BATCH_SIZE], firsts[first : first + BATCH_SIZE], length))
            for first in range(0, len(places), BATCH_SIZE)
        ]
        ends = np.cumsum([len(starts[one]) for one in group])[:-1]
        yield from zip(group, np.split(np.concatenate(rows), ends), strict=True)
        group = []
        if interrupt.asked:
            raise KeyboardInterrupt


def _hear(network: Network, windows: Floats) -> Floats:
    device = network.mean.device
    with torch.inference_mode(), exact(device):
        rows: Floats = mean_and_max(network.backbone(network.transform(torch.from_numpy(windows).to(device)))).cpu().numpy()
    return rows
