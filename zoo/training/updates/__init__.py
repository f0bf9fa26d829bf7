"""One update on every backend, the loss that it follows and the metrics of it."""
