"""Groups of options that several recipes share, each documented here once.

They are dataclasses that the configuration of a recipe inherits from, so that an option has one name on the command
line, in a file of options and as an attribute, whichever group it is of. A recipe that starts from another value names
the field again, without a docstring: help shows the one here.
"""
