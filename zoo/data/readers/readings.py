"""What to tell the user about how files are read."""


def readings(*sources):
    """Yields the `reading` of each source that has one and says something in it.

    Args:
        sources: Readers of `zoo.data`, other iterables of examples, or None.
    """
    for source in sources:
        if line := getattr(source, "reading", ""):
            yield line
