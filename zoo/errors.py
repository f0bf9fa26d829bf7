"""The one error type for mistakes that a user can mend, and the way command lines report it."""

import atexit
import functools
import gc
import sys

from zoo.library_messages import filter_standard_error, hide_library_messages


class UserError(Exception):
    """A mistake in the user's input: one line that says what is wrong and what to do.

    Raised for missing or damaged files, impossible options and data that cannot be used. Command lines turn it into
    that single line on standard error and exit status 2. It is no `ValueError`, which libraries that build a command
    line from a dataclass would catch and reword.
    """


def command_line(main):
    """Decorates a `main(argv=None)` so that a `UserError` ends in one `error: ...` line and exit status 2.

    Libraries that it imports are told to be quiet about how they start; called without arguments, as a process of its
    own, it does not let through either what they write all the same.
    """

    @functools.wraps(main)
    def wrapped(*args, **kwargs):
        # When Python ends it looks for garbage, a second and more after importing TensorFlow; not in what is frozen.
        atexit.register(gc.freeze)
        hide_library_messages()
        if not args and not kwargs:
            filter_standard_error()
        try:
            return main(*args, **kwargs)
        except UserError as error:
            sys.stdout.flush()
            print(f"error: {error}", file=sys.stderr)
            sys.exit(2)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            sys.exit(130)

    return wrapped
