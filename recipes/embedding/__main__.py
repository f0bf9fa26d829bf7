"""`python -m recipes.embedding`."""

from recipes.embedding import main

main()
