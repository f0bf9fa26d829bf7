"""`python -m recipes.text_classification`."""

from recipes.text_classification import main

main()
