"""Files of every format, read into texts with what belongs to them."""
