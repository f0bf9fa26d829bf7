"""What happens between updates: validation, reports, early stopping."""
