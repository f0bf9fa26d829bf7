"""Numbers that an export starts from."""

DEFAULT_MAX_BATCH_SIZE = 32
"""Most rows in a batch of the server."""
MAX_PARITY_TEXTS = 200
"""Most texts that are compared between Python and the SavedModel."""
