"""mBART and mBART-50."""
