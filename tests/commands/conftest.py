import pytest

from stylecore import cli
from tests.conftest import make_photo


@pytest.fixture
def photo_file(tmp_path):
    path = tmp_path / "holiday.jpg"
    make_photo(96, 64).save(path)
    return path


def run(capsys, *arguments: object) -> tuple[int, str, str]:
    status = cli.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err
