"""`python -m zoo.evaluate`."""

from zoo.evaluate import main

main()
