"""Tokens that a text is split at before anything else."""
