"""Gemma 3, of text."""
