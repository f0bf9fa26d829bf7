"""What a task has compiled or traced of its model, for as long as the model stays what it was."""

import operator

from zoo.tasks.inference import compile_inference, traced


class InferenceFunctions:
    """Compiled and traced functions of a model, made when first asked for and made anew when the model has changed.

    A model changes when its layers are quantised or get low-rank adapters, compute in another precision, or are
    replaced by others. New values of the same variables are no change: functions read them from the variables.

    Example:
        >>> functions = InferenceFunctions()
        >>> generate = functions.compiled(task.model, task._generate, ("loop_length",))
    """

    def __init__(self):
        self._functions = {}
        self._state = None

    def compiled(self, model, function, static_argnames=()):
        """`compile_inference` of a method that reads a model's variables, one for each name of a method."""
        return self._get(model, function.__name__, lambda: compile_inference(model, function, static_argnames))

    def traced(self, model, key, make):
        """`traced` of what `make()` returns, a function that reads a model's variables and its signature.

        There is one for each key, which may be any hashable value.
        """
        return self._get(model, key, lambda: traced(*make()))

    def _get(self, model, key, make):
        state = _state(model)
        if self._state is None or not _same(state, self._state):
            self._functions.clear()
            self._state = state
        if key not in self._functions:
            self._functions[key] = make()
        return self._functions[key]


def _state(model):
    """What makes a model that model: layers, weights, precision. Held, so that no other object gets their identity."""
    layers = list(model._flatten_layers())
    return [*layers, *model.weights, *(layer.dtype_policy for layer in layers)]


def _same(state, other):
    return len(state) == len(other) and all(map(operator.is_, state, other))
