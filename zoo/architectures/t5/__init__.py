"""T5 of versions 1.0 and 1.1."""
