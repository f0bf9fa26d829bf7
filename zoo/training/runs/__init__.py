"""A run on disk: its directory, claim, checkpoints and how it goes on after a stop."""
