"""Optimisers, learning rates over time and which weights learn."""
