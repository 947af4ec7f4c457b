import pytest

from stylecore import __version__, cli


def test_the_help_lists_every_command_in_plain_groups(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--help"])
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    for command in (
        "app",
        "stylize",
        "styles",
        "optimize",
        "learn",
        "import",
        "train",
        "evaluate",
        "bench",
        "info",
    ):
        assert listed.count(command) == 1
        with pytest.raises(SystemExit, match="0"):
            cli.main([command, "--help"])
        assert capsys.readouterr().out.startswith(f"usage: impasto {command} ")


def test_every_option_has_a_help_text():
    (commands,) = (action for action in cli.build_parser()._actions if action.dest == "command")
    for command, parser in commands.choices.items():
        for action in parser._actions:
            assert action.help, f"{command} {action.dest}"
            assert not action.help.startswith("("), f"{command} {action.dest} has only a default"


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"impasto {__version__}\n"
