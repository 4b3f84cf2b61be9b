"""The matrix that makes a backbone's embedding small enough to log: the same for every tagger of a width."""

import numpy as np
import torch
from torch import Tensor

DIMENSIONS = 32
_SEED = 0


def projection(width: int) -> Tensor:
    """float32 [width, 32]: random orthonormal columns, so that distances shrink alike (Johnson and Lindenstrauss, 1984).

    Below a width of 32 there are none; normal values with a deviation of 1 / sqrt(32) keep distances on average.
    """
    # The stream of RandomState is frozen (NEP 19): a tagger that came without the matrix gets the same one from any NumPy.
    drawn = np.random.RandomState(_SEED).standard_normal((width, DIMENSIONS))
    if width < DIMENSIONS:
        return torch.from_numpy((drawn / np.sqrt(DIMENSIONS)).astype(np.float32))
    columns, triangle = np.linalg.qr(drawn)
    signs = np.sign(np.diag(triangle))  # the factors are unique only up to them
    return torch.from_numpy((columns * signs).astype(np.float32))
