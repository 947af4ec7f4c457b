import json

from stylecore.measuring import large_photos
from tests.conftest import make_photo


def test_memory_time_and_difference_are_measured(tmp_path, capsys):
    make_photo(200, 150).save(tmp_path / "photo.png")
    large_photos.main([str(tmp_path / "photo.png"), "--megapixels", "0.02", "--difference", "0.02"])
    report = json.loads(capsys.readouterr().out)
    assert [row["strokes"] for row in report["photos"]] == ["default", "512 px"]
    assert all(50 < row["peak_mb"] < 1000 and row["processor_s"] > 0 for row in report["photos"])
    assert report["difference"]["mean"] < 0.5
