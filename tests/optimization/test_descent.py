from stylecore.optimization.config import OptimizationConfig
from stylecore.optimization.descent import start_picture
from stylecore.optimization.objective import Objective, load_vgg


def test_the_mixed_start_is_the_photo_and_half_noise(photo, style):
    config = OptimizationConfig(max_side=64, start="mixed_noise", precision="float32")
    vgg = load_vgg(config)
    objective = Objective(vgg, photo, [(style, 1.0)], max(photo.size), config)
    start = start_picture(objective, [], config)
    added = start - objective.photo
    assert added.min() >= 0
    assert added.max() <= 0.5
    assert start.max() <= 1
