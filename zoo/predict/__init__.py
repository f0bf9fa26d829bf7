"""`python -m zoo.predict MODEL INPUT`: a stored model answers the texts of a file or of standard input."""

from zoo.errors import command_line
from zoo.predict.options import parse_command_line, use_backend


@command_line
def main(argv=None):
    """Runs the command."""
    config = parse_command_line(argv)
    use_backend(config.backend)
    # After the command line is known to be right and the backend chosen, because it brings in Keras.
    from zoo.predict.run import run

    run(config)
