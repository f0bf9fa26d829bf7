"""`python -m recipes.ner`."""

from recipes.ner import main

main()
