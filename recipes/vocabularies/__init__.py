"""Vocabularies that recipes train: their sizes, and the tokens added to them."""
