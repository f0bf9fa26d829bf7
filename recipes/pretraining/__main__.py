"""`python -m recipes.pretraining`."""

from recipes.pretraining import main

main()
