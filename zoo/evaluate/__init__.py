"""`python -m zoo.evaluate MODEL TEST_FILE`: scores a stored model on labelled data, with the metrics of the recipes."""

from zoo.errors import command_line
from zoo.evaluate.options import parse_command_line
from zoo.predict.options import use_backend


@command_line
def main(argv=None):
    """Runs the command."""
    config = parse_command_line(argv)
    use_backend(config.backend)
    # After the command line is known to be right and the backend chosen, because it brings in Keras.
    from zoo.evaluate.run import run

    run(config)
