import subprocess
import sys

import pytest

from zoo.errors import UserError, command_line


def test_libraries_that_reword_errors_of_values_leave_a_user_error_alone():
    assert not issubclass(UserError, (ValueError, TypeError, RuntimeError, OSError))


def test_a_command_that_works_returns_its_result(capsys):
    @command_line
    def main(argv=None):
        """What it does."""
        return argv

    assert main(["a"]) == ["a"] and main() is None
    assert (main.__name__, main.__doc__) == ("main", "What it does.")
    assert capsys.readouterr() == ("", "")


def test_a_user_error_ends_in_one_line_and_status_2(capsys):
    @command_line
    def main(argv=None):
        print("begun")
        raise UserError("--size must be one of tiny, base, got 'huge'")

    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    assert capsys.readouterr() == ("begun\n", "error: --size must be one of tiny, base, got 'huge'\n")


def test_an_interrupt_is_no_error_of_the_program(capsys):
    @command_line
    def main(argv=None):
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_mistakes_of_the_program_keep_their_traceback():
    @command_line
    def main(argv=None):
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        main()


def test_what_was_printed_comes_before_the_error():
    program = (
        "from zoo.errors import UserError, command_line\n"
        "@command_line\n"
        "def main():\n"
        "    print('begun')\n"
        "    raise UserError('no such file')\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300
    )
    assert done.returncode == 2
    assert done.stdout.endswith("begun\nerror: no such file\n")
