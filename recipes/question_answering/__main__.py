"""`python -m recipes.question_answering`."""

from recipes.question_answering import main

main()
