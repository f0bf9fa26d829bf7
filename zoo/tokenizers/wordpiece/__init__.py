"""BERT's words and their pieces."""
