from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stylecore.errors import ImageError
from stylecore.learning.crops import PhotoCrops, read_faces
from tests.conftest import make_photo

SETTINGS = {
    "turns": [1, 1],
    "steps": 20,
    "batch_size": 2,
    "styles_per_photo": 1,
    "crop_size": 48,
    "crop_share": 0.6,
    "seed": 3,
}


@pytest.fixture
def photos(tmp_path) -> list[Path]:
    paths = [tmp_path / f"{seed}.jpg" for seed in range(4)]
    for seed, path in enumerate(paths):
        make_photo(120, 90, seed).save(path)
    return paths


def test_crops_depend_on_seed_and_step_alone(photos):
    settings = SETTINGS | {"steps": 6, "batch_size": 4, "styles_per_photo": 2}
    first, second = PhotoCrops(photos, **settings), PhotoCrops(photos, **settings)
    second[0]
    assert first[5][0].shape == (2, 3, 48, 48)
    assert len(first[5][2]) == 4
    assert torch.equal(first[5][0], second[5][0])
    assert not torch.equal(first[5][0], first[4][0])


def test_crops_show_where_faces_are(photos):
    settings = SETTINGS
    faces = {photos[1].name: [(0.0, 0.0, 1.0, 1.0)]}
    mixed = PhotoCrops(photos, **settings, faces=faces, face_share=0.0)
    masks = torch.cat([mixed[step][1] for step in range(20)])
    has_face = masks.flatten(1).amax(1) > 0.5
    assert masks.shape == (40, 1, 48, 48)
    assert 2 <= has_face.sum() <= 20  # one photo of four
    assert masks[has_face].mean() > 0.7  # crops of a face that fills the photo
    only = PhotoCrops(photos, **settings, faces=faces, face_share=1.0)
    assert all(only[step][1].amax() > 0.5 for step in range(20))


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_crops_are_cut_from_their_share_to_the_whole_short_side(tmp_path, share):
    ramp = np.tile(np.linspace(0, 255, 200, dtype=np.uint8), (200, 1))
    Image.fromarray(ramp).convert("RGB").save(tmp_path / "ramp.png")
    crops = PhotoCrops([tmp_path / "ramp.png"], **SETTINGS | {"crop_share": share})
    spans = [batch.amax((1, 2, 3)) - batch.amin((1, 2, 3)) for batch, *_ in (crops[i] for i in range(20))]
    spans = torch.cat(spans)
    assert share - 0.05 < spans.min() < share + 0.05
    assert 0.93 < spans.max() <= 1


def test_styles_get_equal_shares():
    crops = PhotoCrops([], turns=[1, 1, 1], steps=30, batch_size=2, styles_per_photo=2, crop_size=48, seed=0)
    drawn = torch.cat([crops._style_indices(step) for step in range(30)])
    assert torch.bincount(drawn).tolist() == [20, 20, 20]


def test_a_style_may_have_several_turns_in_a_round():
    crops = PhotoCrops([], turns=[1, 3, 1], steps=25, batch_size=2, styles_per_photo=2, crop_size=48, seed=0)
    drawn = torch.cat([crops._style_indices(step) for step in range(25)])
    assert torch.bincount(drawn).tolist() == [10, 30, 10]


def test_unreadable_photos_are_replaced_and_named(photos):
    photos[0].write_text("not a photo")
    crops = PhotoCrops(photos, turns=[1], steps=9, batch_size=2, styles_per_photo=1, crop_size=48, seed=0)
    drawn = [crops[step] for step in range(9)]
    assert all(batch.shape == (2, 3, 48, 48) for batch, *_ in drawn)
    assert {name for *_, bad in drawn for name in bad} == {"0.jpg"}


def test_nothing_but_unreadable_photos_is_an_error(photos):
    photos[0].write_text("not a photo")
    crops = PhotoCrops(photos[:1], turns=[1], steps=1, batch_size=1, styles_per_photo=1, crop_size=48, seed=0)
    with pytest.raises(ImageError, match="100 photos in a row"):
        crops[0]


def test_a_folder_is_no_file_of_faces(tmp_path):
    with pytest.raises(ImageError, match="cannot be read: Is a directory"):
        read_faces(tmp_path)


def test_a_batch_holds_every_crop_in_all_its_styles():
    with pytest.raises(ValueError, match="a batch of 3 cannot hold every crop in 2 styles"):
        PhotoCrops([], turns=[1], steps=1, batch_size=3, styles_per_photo=2, crop_size=48, seed=0)
