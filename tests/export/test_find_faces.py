import json

from export.find_faces import find_faces
from stylecore.learning.crops import read_faces
from tests.browsing import ROOT


def test_the_face_of_the_portrait_is_found(tmp_path):
    samples = ROOT / "pages" / "shared" / "samples"
    (tmp_path / "broken.jpg").write_text("not a photo")
    faces = find_faces([samples / "portrait.jpg", samples / "coffee.jpg", tmp_path / "broken.jpg"])
    ((left, top, right, bottom),) = faces.pop("portrait.jpg")
    assert 0.3 < left < 0.44 < right < 0.56  # the eyes lie at (0.44, 0.21)
    assert 0.02 < top < 0.21 < bottom < 0.4
    assert not faces
    path = tmp_path / "faces.json"
    path.write_text(json.dumps({"portrait.jpg": [(left, top, right, bottom)]}))
    assert read_faces(path) == {"portrait.jpg": [(left, top, right, bottom)]}
