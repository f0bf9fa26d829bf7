"""The order of every run: what a recipe fills in, how long it trains, what it leaves."""
