"""`python -m recipes.translation`."""

from recipes.translation import main

main()
