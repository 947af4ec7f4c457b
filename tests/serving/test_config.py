"""Settings of a painting server, and the command that reads them."""

import pytest

from stylecore import cli
from stylecore.serving.config import ServingConfig


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.org", "::"])
def test_other_machines_reach_a_server_with_a_token_only(host):
    with pytest.raises(ValueError, match="a token is needed"):
        ServingConfig(host=host)
    assert ServingConfig(host=host, token="secret").host == host


def test_a_server_listens_on_this_machine_alone():
    assert ServingConfig().host == "127.0.0.1"


@pytest.mark.parametrize(
    "given",
    [
        {"min_replicas": 0},
        {"min_replicas": 3},
        {"cpus": 0},
        {"queue": 0},
        {"timeout_s": -1},
        {"jobs": -1},
        {"job_cpus": 0},
    ],
)
def test_settings_that_cannot_work_are_refused(given):
    with pytest.raises(ValueError, match=next(iter(given))):
        ServingConfig(**given)


@pytest.mark.parametrize("token", ["two words", "geheimnisträger"])
def test_a_token_fits_into_a_header(token):
    with pytest.raises(ValueError, match="letters and digits"):
        ServingConfig(token=token)


def test_the_command_refuses_other_machines_without_a_token(capsys, monkeypatch, tmp_path):
    monkeypatch.delenv("IMPASTO_TOKEN", raising=False)
    assert cli.main(["serve", "--host", "0.0.0.0"]) == 2
    assert "a token is needed" in capsys.readouterr().err
    (tmp_path / "token").write_text("\n")
    assert cli.main(["serve", "--token-file", str(tmp_path / "token")]) == 2
    assert "is empty" in capsys.readouterr().err


def test_without_ray_one_line_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setattr("stylecore.host.extras.has_extra", lambda module: False)
    assert cli.main(["serve"]) == 1
    assert capsys.readouterr().err == (
        "error: this needs ray, which is not installed: pip install 'impasto[scale]'\n"
    )
