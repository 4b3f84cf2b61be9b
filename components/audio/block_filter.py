"""A recursive filter as matrix products, block by block: as exact as sample by sample, and several times as fast on a processor's vectors.

Within a block the output is a product of its samples and the state that it starts with. The states at the starts of blocks follow each
other in the same way as samples do, so they are found in groups, and the groups' in groups of groups (block processing after Burrus 1972).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.linalg import block_diag, solve_discrete_lyapunov
from scipy.linalg.blas import sgemm, strmm

# Samples of a block, blocks of a group, and groups of a group of groups: the fastest of those tried.
BLOCK, GROUPS = 32, (8, 32)
LEVELS = 6  # of groups, which is more blocks than there are samples in any clip
Floats = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]
Section = tuple[Sequence[float], Sequence[float]]  # numerator and denominator in 1/z, three coefficients each, the denominator's first 1


class BlockFilter:
    """Sections of second order, one after the other; it remembers where the last part ended.

    Args:
        kernel: of the sections, which filters may share.
    """

    def __init__(self, kernel: "Kernel") -> None:
        self._kernel = kernel
        self._state = np.zeros(kernel.order, np.float32)

    def feed(self, blocks: Floats) -> None:
        """Filter the samples that come next, in place.

        Args:
            blocks: [block, BLOCK], contiguous.
        """
        kernel = self._kernel
        pushes = np.zeros((len(blocks) + 2, kernel.order), np.float32)  # what each block adds to the state: first the past, last nothing
        pushes[0] = self._state
        np.matmul(blocks, kernel.push, out=pushes[1:-1])
        states = kernel.states(pushes)
        self._state = states[-1]
        # BLAS counts columns first, so that each of these is a row here: what a block makes of its samples, and of the state before it.
        strmm(1.0, kernel.within.T, blocks.T, lower=1, overwrite_b=1)
        sgemm(1.0, kernel.after.T, states[1:-1].T, beta=1.0, c=blocks.T, overwrite_c=1)


class Kernel:
    """The matrices of a filter.

    The state has the coordinates in which white noise gives each number unit power, independent of the others: in those of the sections'
    own recursions float32 loses 60 dB to a low hum.
    """

    def __init__(self, sections: Sequence[Section]) -> None:
        turn, push, read, through = _balanced(*_state_space(sections))
        self.order = len(turn)
        powers = _powers(turn, BLOCK)
        response = [through, *(read @ power @ push for power in powers[: BLOCK - 1])]
        within = np.array([[response[late - early] if late >= early else 0.0 for late in range(BLOCK)] for early in range(BLOCK)])
        self.within = within.astype(np.float32, order="C")  # [sample, sample]; nothing comes before its cause
        self.after = np.stack([read @ power for power in powers[:BLOCK]], axis=1).astype(np.float32)  # [state, sample]
        self.push = np.stack([power @ push for power in powers[BLOCK - 1 :: -1]]).astype(np.float32)  # [sample, state]
        self._levels = _levels(powers[BLOCK].T)

    def states(self, pushes: Floats, level: int = 0) -> Floats:
        """The state [item, state] before each of the items that push it, the first being 0."""
        size, ends, whole = self._levels[level]
        items, full, groups = len(pushes), len(pushes) // size, -(-len(pushes) // size)
        told = np.zeros((groups, (size + 1) * self.order), np.float32)  # what a group's items push, and last the state before it
        inner = told[:, : -self.order]
        inner[:full] = pushes[: full * size].reshape(full, size * self.order)
        if full < groups:
            inner[full, : (items - full * size) * self.order] = pushes[full * size :].reshape(-1)
        if groups > 1:
            told[:, -self.order :] = self.states(inner @ ends, level + 1)
        return (told @ whole).reshape(-1, self.order)[:items]


def _levels(turn: Matrix) -> list[tuple[int, Floats, Floats]]:
    """Of each level the items of a group; what becomes of their pushes after it; and within it, with the state before it last.

    Args:
        turn: what becomes of a state from one block to the next.
    """
    levels = []
    for level in range(LEVELS):
        size = GROUPS[min(level, 1)]
        powers = _powers(turn, size)
        none = np.zeros_like(turn)
        within = np.block([[powers[late - early - 1] if late > early else none for late in range(size)] for early in range(size)])
        whole = np.concatenate([within, np.concatenate(powers[:size], axis=1)])
        levels.append((size, np.concatenate(powers[size - 1 :: -1]).astype(np.float32), whole.astype(np.float32)))
        turn = powers[size]
    return levels


def _powers(matrix: Matrix, most: int) -> list[Matrix]:
    powers = [np.eye(len(matrix))]
    for _ in range(most):
        powers.append(powers[-1] @ matrix)
    return powers


def _state_space(sections: Sequence[Section]) -> tuple[Matrix, Matrix, Matrix, float]:
    """state' = turn state + push x, y = read state + through x."""
    turn, push, read, through = np.zeros((0, 0)), np.zeros(0), np.zeros(0), 1.0
    for (b0, b1, b2), (_, a1, a2) in sections:
        own_push = np.array([b1 - a1 * b0, b2 - a2 * b0])
        turn = block_diag(turn, [[-a1, 1.0], [-a2, 0.0]])
        turn[-2:, :-2] = np.outer(own_push, read)
        push = np.concatenate([push, own_push * through])
        read = np.concatenate([b0 * read, [1.0, 0.0]])
        through *= b0
    return turn, push, read, through


def _balanced(turn: Matrix, push: Matrix, read: Matrix, through: float) -> tuple[Matrix, Matrix, Matrix, float]:
    """The same filter, whose state is white for white noise."""
    change = np.linalg.cholesky(solve_discrete_lyapunov(turn, np.outer(push, push)))
    back = np.linalg.inv(change)
    return back @ turn @ change, back @ push, read @ change, through
