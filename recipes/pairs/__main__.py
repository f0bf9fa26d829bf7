"""`python -m recipes.pairs`."""

from recipes.pairs import main

main()
