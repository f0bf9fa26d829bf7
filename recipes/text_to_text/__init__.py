"""What recipes share that learn to write one text from another."""
