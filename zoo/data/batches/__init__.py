"""Texts into token rows, and rows into batches."""
