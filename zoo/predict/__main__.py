"""`python -m zoo.predict`."""

from zoo.predict import main

main()
