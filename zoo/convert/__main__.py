"""`python -m zoo.convert`."""

from zoo.convert import main

main()
