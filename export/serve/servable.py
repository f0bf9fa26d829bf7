"""One loaded version of a model: prediction by signature, and the count of requests still inside."""

import threading

import tensorflow as tf

from export.serve.saved_model_session import SavedModelSession
from export.serve.status import Code, ServingError, invalid_argument, serving_error

DEFAULT_SIGNATURE = "serving_default"


class Servable:
    """A loaded version.

    Args:
        name: The model's name.
        version: The version number.
        directory: The version's folder.
        batching: `Batching` of a server that batches requests; None for one that does not.

    Attributes:
        name, version: As given.
        signatures: dict of name to `SignatureDef`.
    """

    def __init__(self, name, version, directory, batching=None):
        self.name = name
        self.version = version
        self._batching = batching
        self._session = SavedModelSession(directory)
        self.signatures = self._session.signatures
        self._in_flight = 0
        self._idle = threading.Condition()

    def predict(self, inputs, signature_name="", output_filter=(), timeout_seconds=None):
        """Answers one request.

        Args:
            inputs: dict of input name to array.
            signature_name: Empty for `serving_default`.
            output_filter: Names of the wanted outputs; empty for all.
            timeout_seconds: None waits for ever.

        Returns:
            dict of output name to array.

        Raises:
            ServingError: whatever went wrong, with the code and the message the server would send.
        """
        signature = self.signatures.get(signature_name or DEFAULT_SIGNATURE)
        if signature is None:
            raise ServingError(
                Code.FAILED_PRECONDITION, f'Serving signature key "{signature_name or DEFAULT_SIGNATURE}" not found.'
            )
        feeds = _feeds(signature, inputs)
        names = _wanted_outputs(signature, output_filter)
        rows = None if self._batching is None else self._batching.check_inputs(feeds.values())
        try:
            values = self._session.run(feeds, [signature.outputs[name].name for name in names], timeout_seconds)
        except tf.errors.OpError as error:
            raise serving_error(error) from error
        if self._batching is not None:
            self._batching.check_outputs(values, rows)
        return dict(zip(names, values, strict=True))

    def retain(self):
        """Counts a request in; `release` must follow."""
        with self._idle:
            self._in_flight += 1

    def release(self):
        """Counts a request out."""
        with self._idle:
            self._in_flight -= 1
            self._idle.notify_all()

    def close(self):
        """Waits until no request is inside, then frees the model. No new request may be counted in by then."""
        with self._idle:
            self._idle.wait_for(lambda: self._in_flight == 0)
        self._session.close()


def _feeds(signature, inputs):
    given, expected = set(inputs), set(signature.inputs)
    if len(given) > len(expected) or (len(given) < len(expected) and not signature.defaults):
        raise invalid_argument(
            f"input size does not match signature: {len(given)}!={len(expected)} len({_braces(given)}) != "
            f"len({_braces(expected)}). Sent extra: {_braces(given - expected)}. "
            f"Missing but required: {_braces(expected - given)}."
        )
    feeds = {}
    for name, info in signature.inputs.items():
        if name in inputs:
            feeds[info.name] = inputs[name]
        elif name in signature.defaults:
            feeds[info.name] = tf.make_ndarray(signature.defaults[name])
        else:
            raise invalid_argument(
                f"Signature input alias: {name}(feed name: {info.name}) not found in request and no default value "
                f"provided. Inputs expected to be in the request {_braces(given)}, "
                f"or default input alias set: {','.join(sorted(signature.defaults))}"
            )
    if given - expected:
        raise invalid_argument(
            f"Inputs contains invalid name. Used request inputs: {','.join(sorted(given & expected))}, "
            f"request input: {','.join(sorted(given))}"
        )
    return feeds


def _wanted_outputs(signature, output_filter):
    for position, name in enumerate(output_filter):
        if name not in signature.outputs:
            raise invalid_argument(
                f"output tensor alias not found in signature: {name} "
                f"Outputs expected to be in the set {_braces(signature.outputs)}."
            )
        if name in output_filter[:position]:
            raise invalid_argument(f"duplicate output tensor alias: {name}")
    return list(output_filter) or sorted(signature.outputs)


def _braces(names):
    return "{" + ",".join(sorted(names)) + "}"
