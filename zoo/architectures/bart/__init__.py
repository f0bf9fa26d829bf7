"""BART, and what the families that followed it have in common with it."""
