import cv2
import numpy as np
import pytest

from stylecore.video.camera import Camera
from stylecore.video.canvas import Placement
from stylecore.video.flow import BackwardFlow, View, follow_camera, positions
from stylecore.video.following import MotionFollower
from stylecore.video.steadying import SteadyPainter
from tests.conftest import make_photo
from tests.video.making import panning

SIZE = {"width": 192, "height": 128}
PHOTO = cv2.GaussianBlur(np.asarray(make_photo(420, 300, seed=3)), (0, 0), 1.5)


def looking(x: float, y: float, zoom: float = 1.0, turn: float = 0.0) -> np.ndarray:
    """A view of the photo whose middle is at (x, y)."""
    width, height = SIZE["width"], SIZE["height"]
    cosine, sine = np.cos(turn) / zoom, np.sin(turn) / zoom
    matrix = np.array([[cosine, -sine, 0], [sine, cosine, 0]], np.float64)
    matrix[:, 2] = (x, y) - matrix[:, :2] @ (width / 2, height / 2)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(PHOTO, matrix, (width, height), flags=flags)


def paint(painter: SteadyPainter, frames: list[np.ndarray]) -> list[np.ndarray]:
    return [painter(frame, painter.follow(frame)).lifted() for frame in frames]


def planes(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32) / 255


def grid_painter(picture: np.ndarray, origin: tuple[int, int]) -> np.ndarray:
    """Darkens the first half of each cell of 4 x 4, wherever the network would be laid."""
    painting = picture.copy()
    for offset in (0, 1):
        painting[..., offset::4] *= 0.5
    return painting


def test_the_camera_is_followed_within_a_tenth_of_a_pixel():
    camera = Camera()
    camera.restart(View.of(looking(150, 130)).gray)
    for step in range(1, 9):
        camera.follow(View.of(looking(150 + 2.3 * step, 130 - 0.7 * step, 1 + 0.005 * step)).gray)
    middle = camera.matrix @ (SIZE["width"] / 2, SIZE["height"] / 2, 1)
    assert middle[:2] == pytest.approx((SIZE["width"] / 2 + 18.4, SIZE["height"] / 2 - 5.6), abs=0.1)


def test_a_camera_at_rest_stays_at_rest():
    random, camera = np.random.default_rng(0), Camera()
    frames = [looking(150, 130) + random.normal(0, 3, (*looking(150, 130).shape,)) for _ in range(5)]
    views = [View.of(frame.clip(0, 255).astype(np.uint8)) for frame in frames]
    camera.restart(views[0].gray)
    for view in views[1:]:
        camera.follow(view.gray)
    assert np.array_equal(camera.matrix, np.eye(3))


def test_a_strong_zoom_begins_a_new_canvas():
    camera = Camera()
    camera.restart(View.of(looking(200, 150)).gray)
    zooms = []
    for step in range(1, 16):
        camera.follow(View.of(looking(200, 150, 1.02**step)).gray)
        zooms.append(camera.matrix[0, 0])
    assert min(zooms) > 0.79
    assert 1.0 in zooms


def test_what_moves_with_the_camera_has_no_flow_apart_from_it():
    follower = MotionFollower()
    assert follower(looking(150, 130)).flow is None
    motion = follower(looking(153.4, 129))
    assert np.abs(motion.matrix[:2, 2] - (3.4, -1)).max() < 0.1
    assert np.abs(motion.flow[8:-8, 8:-8]).max() < 0.1
    assert motion.trust[8:-8, 8:-8].min() > 0.9
    assert motion.trust[:, -1:].max() < 0.1  # was not in the former frame


def test_what_moves_apart_from_the_camera_keeps_its_own_flow():
    frames = []
    for step in (0, 4):
        frame = looking(150, 130)
        frame[40:90, 60 + step : 120 + step] = PHOTO[200:250, 300:360]
        frames.append(View.of(frame))
    flow, _ = BackwardFlow()(*frames)
    flow, trust = follow_camera(flow, np.ones_like(flow[..., 0]), np.zeros_like(flow), *frames)
    assert np.median(flow[25:40, 38:55, 0]) == pytest.approx(-2, abs=0.15)  # at half the size
    assert np.abs(flow[50:]).max() < 0.1
    assert trust[25:40, 38:55].mean() > 0.9


def test_a_mistaken_flow_is_replaced_by_the_camera_s():
    view = View.of(looking(150, 130))
    flow = np.zeros((*view.half.shape, 2), np.float32)
    flow[20:40, 30:60] = (5, 0)  # of what stands still in the view
    apart, _ = follow_camera(flow, np.ones_like(flow[..., 0]), np.zeros_like(flow), view, view)
    assert np.abs(apart).max() < 0.01


@pytest.mark.parametrize("step", [4, 8, 20])
def test_a_canvas_keeps_its_cells(step):
    matrix = np.array([[1.01, 0.02, -7.3], [-0.02, 1.01, 13.8], [0, 0, 1]])
    placement = Placement.of(matrix, (64, 96), step)
    assert not any(value % step for value in (*placement.origin, *placement.size))
    corner = placement.matrix @ (10, 20, 1) + placement.origin[::-1]
    assert corner == pytest.approx((matrix @ (10, 20, 1))[:2])
    frame = PHOTO[:64, :96]
    returned = placement.lift(placement.lay(frame), (64, 96))
    assert np.abs(np.float32(returned) - frame)[2:-2, 2:-2].mean() < 2.5


def test_a_resting_frame_is_laid_as_it_is():
    frame = PHOTO[:63, :94]
    placement = Placement.of(np.eye(3) + 1e-5, (63, 94), 4)
    assert (placement.origin, placement.size) == ((0, 0), (64, 96))
    assert placement.lay(frame)[:, :63, :94] == pytest.approx(planes(frame))
    assert np.array_equal(placement.lift(placement.lay(frame), (63, 94)), frame)


def test_strokes_stay_where_they_are_while_the_camera_moves():
    frames = [looking(150 + 1.3 * step, 130) for step in range(6)]
    errors = {}
    for steadiness in (0, 1):
        painter = SteadyPainter(grid_painter, steadiness=steadiness)
        painted = paint(painter, frames)
        places = positions(*painted[0].shape[:2]) + np.float32((1.3, 0))
        moved = [cv2.remap(each, places, None, cv2.INTER_LANCZOS4) for each in painted]
        differences = [np.float32(before) - now for before, now in zip(moved[2:], painted[3:], strict=False)]
        errors[steadiness] = np.abs(np.stack(differences)[:, 8:-8, 8:-8]).mean()
    assert errors[1] < 0.25 * errors[0]


def test_a_cut_starts_anew():
    other = 255 - np.ascontiguousarray(PHOTO[150:278, 200:392])
    painter = SteadyPainter(lambda picture, origin: picture)
    frames = [looking(150, 130), looking(151, 130), other, other]
    painted = paint(painter, frames)
    assert painter.cuts == 1
    assert np.abs(np.float32(painted[2]) - other).max() < 1


def test_a_painting_is_not_behind_while_a_scene_fades_into_another():
    first, last = looking(150, 130), 255 - PHOTO[150:278, 200:392]
    frames = [cv2.addWeighted(first, 1 - share, last, share, 0) for share in np.linspace(0, 1, 12)]
    painted = paint(SteadyPainter(lambda picture, origin: picture), frames)
    assert np.abs(np.float32(painted[-1]) - frames[-1]).mean() < 5


def test_without_steadiness_each_frame_is_painted_for_itself():
    painter = SteadyPainter(grid_painter, steadiness=0)
    frames = panning(3)
    for frame, painted in zip(frames, paint(painter, frames), strict=True):
        expected = 255 * grid_painter(planes(frame), (0, 0)).transpose(1, 2, 0)
        assert np.abs(painted - expected).max() < 0.51


def test_another_steadiness_is_refused():
    with pytest.raises(ValueError, match=r"steadiness is 1\.5: use 0 to 1"):
        SteadyPainter(grid_painter, steadiness=1.5)
