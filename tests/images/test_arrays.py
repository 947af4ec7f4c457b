import numpy as np

from stylecore.images.arrays import from_batch, to_batch


def test_batch_round_trip_is_exact(photo):
    batch = to_batch(photo)
    assert batch.shape == (1, 3, 64, 96)
    assert batch.dtype == np.float32
    assert np.array_equal(from_batch(batch), photo)
