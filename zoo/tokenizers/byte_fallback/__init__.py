"""Byte-pair encoding of characters, with bytes for those that the vocabulary lacks."""
