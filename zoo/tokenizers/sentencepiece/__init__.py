"""SentencePiece models and what families of checkpoints do around them."""
