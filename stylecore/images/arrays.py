"""Pictures as arrays of floats."""

import numpy as np

LUMA = np.array((0.299, 0.587, 0.114), dtype=np.float32)  # of red, green and blue; ITU-R BT.601
