"""Stands before the library of this name in the processes of these tests, so that it counts as not installed.

Training has no use for it; Keras imports it if it is there, which takes longer than what the processes do.
"""

raise ImportError("sklearn is not to be imported")
