"""`python -m recipes.language_modeling`."""

from recipes.language_modeling import main

main()
