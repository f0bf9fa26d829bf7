"""Losses over the vectors of a whole batch, of which embedders learn, and over pairs of answers."""
