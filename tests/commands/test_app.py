"""The command that starts the app."""

import sys

import pytest

from tests.browsing import ROOT, wait_for_server


@pytest.mark.parametrize("module", ["stylecore", "pages", "numpy"])
def test_the_app_starts_in_a_folder_that_has_modules_of_the_same_names(tmp_path, monkeypatch, module):
    (tmp_path / f"{module}.py").write_text("raise SystemExit('the wrong module')")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    code = "from stylecore.cli import main; main(['app', '--no-browser'])"
    with wait_for_server([sys.executable, "-P", "-c", code], folder=tmp_path) as (_, process):
        assert process.poll() is None
