"""The command line as a person meets it: exit codes, one-line errors, --json, and a missing extra."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from types import ModuleType

import pytest

from speculate.cli import app, main
from speculate.cli.console import Bar, get_console, progress
from speculate.errors import ManifestError


class FakeCommand(ModuleType):
    """A command whose `run` does what the test says."""

    NAME = "fake"
    HELP = "Do what the test says."

    def __init__(self, behaviour):
        super().__init__("fake_command")
        self.behaviour = behaviour

    def configure(self, parser):
        parser.add_argument("inputs", nargs="*")

    def run(self, args, console):
        return self.behaviour(args, console)


@pytest.fixture
def fake_command(monkeypatch):
    """Installs a command `fake` beside the real ones."""

    def install(behaviour):
        monkeypatch.setattr(app, "COMMANDS", {"fake": "fake_command"})
        monkeypatch.setitem(sys.modules, "fake_command", FakeCommand(behaviour))

    return install


def run_command(*argv: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "speculate.cli", *argv], capture_output=True, text=True, timeout=60, **options
    )


def test_version_as_a_process():
    """`python -m speculate.cli --version` prints one line and ends well."""
    done = run_command("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("speculate ")


def test_help_lists_every_command_there_is(capsys):
    """The help names each command."""
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for name in app.COMMANDS:
        assert f"    {name} " in text


def test_every_command_explains_itself_and_takes_json(capsys):
    """Each command's own --help works, and each has --json."""
    for name in app.COMMANDS:
        assert main([name, "--help"]) == 0
        assert "--json" in capsys.readouterr().out


def test_modules_say_the_name_they_are_listed_under():
    """A command is listed under the name its module gives."""
    for name, module in app.COMMANDS.items():
        __import__(module)
        assert name == sys.modules[module].NAME


@pytest.mark.parametrize("argv", [[], ["no-such-command"]])
def test_wrong_usage_is_exit_2(argv, capsys):
    """Nothing to do, or an unknown command: usage on stderr, exit code 2."""
    assert main(argv) == 2
    assert "usage: speculate" in capsys.readouterr().err


def test_an_error_of_ours_is_one_line(fake_command, capsys):
    """A SpeculateError names what is wrong in one line, without a traceback."""

    def fail(args, console):
        raise ManifestError("must be\none of read, write", file="shop.toml", tool="get", field="effect")

    fake_command(fail)
    assert main(["fake"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "speculate: shop.toml, tool 'get', field 'effect': must be one of read, write\n"


def test_a_missing_file_is_one_line(fake_command, capsys, tmp_path):
    """An OSError that names a file prints that file and why."""
    fake_command(lambda args, console: (tmp_path / "absent").read_text())
    assert main(["fake"]) == 2
    assert capsys.readouterr().err == f"speculate: {tmp_path}/absent: No such file or directory\n"


def test_other_errors_are_not_hidden(fake_command):
    """A defect is shown with its traceback, not turned into a message."""

    def fail(args, console):
        raise OSError("no file is to blame")

    fake_command(fail)
    with pytest.raises(OSError, match="no file"):
        main(["fake"])


def test_interrupt_is_130(fake_command, capsys):
    """Ctrl-C ends with the shell's code for it."""

    def interrupt(args, console):
        raise KeyboardInterrupt

    fake_command(interrupt)
    assert main(["fake"]) == 130
    assert capsys.readouterr().err == "speculate: interrupted\n"


def test_a_reader_that_goes_away_is_quiet():
    """`speculate --help | head -0` prints no traceback."""
    program = (
        "import sys; from speculate.cli import app\n"
        "def behaviour(argv):\n"
        "    sys.stdout.write('x' * 1_000_000); return 0\n"
        "app._run = behaviour; sys.exit(app.main([]))"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 141
    assert errors == b""


def test_without_rich_it_says_what_to_install():
    """The command line without its extra names the extra."""
    program = "import sys; sys.modules['rich'] = None; from speculate.cli import main; sys.exit(main(['--help']))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "pip install 'speculate-runtime[cli]'" in done.stderr


def test_the_extra_is_named_by_main_itself(monkeypatch, capsys):
    """The same within a process."""
    monkeypatch.setitem(sys.modules, "rich", None)
    monkeypatch.setitem(sys.modules, "rich.console", None)
    monkeypatch.delitem(sys.modules, "speculate.cli.console")
    assert main(["--version"]) == 2
    assert "speculate-runtime[cli]" in capsys.readouterr().err


def test_another_missing_module_is_not_blamed_on_the_extra(monkeypatch):
    """Only rich's absence means the extra; anything else missing is a defect and is shown."""
    monkeypatch.setitem(sys.modules, "speculate.cli.console", None)
    with pytest.raises(ModuleNotFoundError):
        main(["--help"])


def test_bare_json_has_standard_output_to_itself(fake_command, capsys):
    """With --json alone the JSON is on stdout and what people read is on stderr."""

    def both(args, console):
        console.print("for people")
        app_console = sys.modules["speculate.cli.console"]
        app_console.emit_json(args, {"hits": 3})
        return 1

    fake_command(both)
    assert main(["fake", "--json"]) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"hits": 3}
    assert captured.err == "for people\n"


def test_json_to_a_file(fake_command, capsys, tmp_path):
    """With --json PATH the file is written and people read on stdout; without it nothing is written."""

    def both(args, console):
        console.print("for people")
        sys.modules["speculate.cli.console"].emit_json(args, {"ü": 1})
        return 0

    fake_command(both)
    assert main(["fake", "--json", str(tmp_path / "out.json")]) == 0
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8")) == {"ü": 1}
    assert main(["fake"]) == 0
    assert capsys.readouterr().out == "for people\n" * 2


def test_json_that_cannot_be_written(fake_command, capsys, tmp_path):
    """A --json path in a folder that is not there is one clear line."""
    fake_command(lambda args, console: sys.modules["speculate.cli.console"].emit_json(args, {}))
    assert main(["fake", "--json", str(tmp_path / "no" / "out.json")]) == 2
    assert "cannot be written: No such file" in capsys.readouterr().err


def test_json_never_overwrites_an_input(fake_command, capsys):
    """`--json runs.jsonl` is a bare --json with an input behind it, not an output file."""
    fake_command(lambda args, console: 0)
    assert main(["fake", "--json", "runs.jsonl"]) == 2
    assert "looks like an input" in capsys.readouterr().err


def test_tables_have_100_columns_without_a_terminal(monkeypatch):
    """Output into a file or a pipe is laid out for 100 columns."""
    monkeypatch.delenv("COLUMNS", raising=False)
    assert get_console(argparse.Namespace(json=None)).width == 100


def test_no_bar_without_a_terminal(capsys):
    """Nobody watches a pipe: the bar does nothing."""
    with progress(get_console(), "Working", total=2) as bar:
        bar.advance()
        bar.update(completed=2, description="Done")
    assert capsys.readouterr() == ("", "")


def test_a_bar_on_a_terminal(monkeypatch, capsys):
    """On a terminal the bar shows on stderr, never on stdout."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with progress(get_console(), "Working", total=2) as bar:
        assert isinstance(bar, Bar)
        bar.advance()
        bar.update(completed=2, description="Done")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Done" in captured.err


def test_importing_the_command_line_imports_no_command():
    """Start-up stays quick: a command is imported when it is used."""
    program = "import sys, speculate.cli; print([m for m in sys.modules if m.startswith('speculate.cli.')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "['speculate.cli.app']"
