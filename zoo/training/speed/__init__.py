"""What the speed of a run is measured against."""
