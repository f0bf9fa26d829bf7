"""Marian, the translators of OPUS-MT."""
