"""What recipes share that put a new head on an encoder."""
