"""The matrix that embeddings are projected by."""

import numpy as np
import pytest
import torch

from components.models import DIMENSIONS, projection


@pytest.mark.parametrize("width", [32, 96, 960])
def test_columns_are_orthonormal(width):
    matrix = projection(width)
    assert (matrix.shape, matrix.dtype) == ((width, 32), torch.float32)
    torch.testing.assert_close(matrix.T @ matrix, torch.eye(DIMENSIONS), atol=1e-5, rtol=0)


def test_a_narrow_embedding_keeps_its_distances_on_average():
    rows = torch.cat([projection(width) for width in range(8, 32)])
    assert rows.square().sum(dim=1).mean().item() == pytest.approx(1, abs=0.05)


def test_it_is_the_same_everywhere_and_always():
    torch.manual_seed(1)
    np.random.seed(1)
    with torch.device("meta"):
        assert torch.equal(projection(64), projection(64))
    assert projection(64)[0, :3].tolist() == pytest.approx([0.220748, 0.015829, 0.160491], abs=1e-6)
    assert projection(8)[0, :3].tolist() == pytest.approx([0.311843, 0.070738, 0.173018], abs=1e-6)
