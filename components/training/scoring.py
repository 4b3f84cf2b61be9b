"""Clip scores of stored clips while a network is still in training: cut, scored and pooled as Tagger does it."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch

from components.audio import window_starts
from components.network import Network
from components.store import Store
from components.tagger import TaggerSettings
from components.tagger.engine import torch_engine
from components.training.loader import ahead
from components.training.plan import Places

BATCH_SIZE = 32


def score_clips(network: Network, store: Store, settings: TaggerSettings) -> npt.NDArray[np.float32]:
    """Scores [clip, label] of a store's clips in its order, in float32; the network is left in the modes that it came in.

    Args:
        network: on any device.
        settings: window and hop.
    """
    places, starts = _windows(store, settings)
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        engine = torch_engine(network, network.mean.device, settings.task)
        scores = np.concatenate([engine(windows)[0] for windows in ahead(_cut(store, places, starts, settings.window_samples), 2)])
    finally:
        for module, mode in modes.items():
            module.training = mode
    clips = np.split(scores, np.searchsorted(places, np.arange(1, len(store))))
    return np.stack([network.pool(torch.from_numpy(windows)).numpy() for windows in clips])


def _windows(store: Store, settings: TaggerSettings) -> tuple[Places, Places]:
    """Every window of every clip: the clip's place [window], rising, and the window's first sample [window]."""
    starts = [window_starts(int(samples), settings.window_samples, settings.hop_samples) for samples in store.num_samples]
    return np.repeat(np.arange(len(starts)), [len(some) for some in starts]), np.concatenate(starts).astype(np.int64)


def _cut(store: Store, places: Places, starts: Places, length: int) -> Iterator[npt.NDArray[np.float32]]:
    """Batches [window, length]; the next is read while one is scored."""
    for first in range(0, len(places), BATCH_SIZE):
        yield store.batch(places[first : first + BATCH_SIZE], starts[first : first + BATCH_SIZE], length)
