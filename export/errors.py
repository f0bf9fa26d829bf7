"""The error of an export whose SavedModel did not pass its checks."""


class VerificationError(RuntimeError):
    """A written SavedModel failed a check, so it was not published.

    Attributes:
        details: One line per failing example, in the order found; may be empty.
    """

    def __init__(self, message, details=()):
        super().__init__(message)
        self.details = tuple(details)
