"""`python -m recipes.summarization`."""

from recipes.summarization import main

main()
