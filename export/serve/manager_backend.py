"""The models of a `ModelManager` as an ASGI application asks them: the same calls as of a server over gRPC."""

from starlette.concurrency import run_in_threadpool
from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus


class ManagerBackend:
    """The models inside this process.

    Args:
        manager: `ModelManager`.
        timeout_seconds: Predictions that take longer fail.
    """

    def __init__(self, manager, timeout_seconds):
        self._manager, self._timeout_seconds = manager, timeout_seconds

    @property
    def model_names(self):
        """Names of the models."""
        return self._manager.model_names

    async def predict(self, target, signature, inputs):
        """Answers of a signature.

        Args:
            target: `ModelTarget`.
            signature: Its name; empty for `serving_default`.
            inputs: numpy arrays by name, of bytes objects where they are texts.

        Returns:
            The version that has answered, and numpy arrays by output name.

        Raises:
            ServingError: as the server says it.
        """
        return await run_in_threadpool(self._predict, target, signature, inputs)

    def _predict(self, target, signature, inputs):
        with self._manager.servable(target.spec()) as servable:
            return servable.version, servable.predict(inputs, signature, timeout_seconds=self._timeout_seconds)

    async def signatures(self, target):
        """The version that requests for a target go to, and its `SignatureDef`s by name.

        Raises:
            ServingError: NOT_FOUND.
        """
        with self._manager.servable(target.spec()) as servable:
            return servable.version, dict(servable.signatures)

    async def available(self, target):
        """Versions of a target that answer, ascending.

        Raises:
            ServingError: NOT_FOUND.
        """
        states = self._manager.version_states(target.spec())
        return sorted(version for version, state, _ in states if state == ModelVersionStatus.AVAILABLE)
