"""Notices metrics that do not move."""

import math


class ConstantMetrics:
    """Says once of each metric that it has had the very same value for some validations in a row.

    A score that cannot move, such as that of texts which its tokenizer does not take apart, or of a model that always
    answers the same, looks like training that makes no progress.

    Args:
        validations: How many in a row.
    """

    def __init__(self, validations=3):
        self._validations = validations
        self._runs = {}

    def see(self, values):
        """Takes in the results of a validation.

        Args:
            values: dict from name to float.

        Returns:
            Lines to show, a list of str: one for each value at which metrics have just become constant.
        """
        constant = {}
        for name, value in values.items():
            last, count = self._runs.get(name, (None, 0))
            same = last is not None and (value == last or (math.isnan(value) and math.isnan(last)))
            self._runs[name] = (value, count + 1 if same else 1)
            if self._runs[name][1] == self._validations:
                constant.setdefault(f"{value:.4f}", []).append(name)
        return [
            f"{', '.join(names)} exactly {value} in {self._validations} validations in a row: no measure of progress "
            "so far, and nothing for early stopping to go by"
            for value, names in constant.items()
        ]
