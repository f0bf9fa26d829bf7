"""The models of a TensorFlow Serving, asked over gRPC without threads."""

import json
import time

import grpc
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from export.serve.status import Code, ServingError
from export.serve.tensors import from_proto, to_proto

_KEEP_ALIVE_SECONDS = 60
_METADATA_SECONDS = 10.0
_ATTEMPTS = 4


class GrpcBackend:
    """The models of a server, with the methods of `export.serve.manager_backend.ManagerBackend`.

    Calls that find the server unavailable are tried again within their deadline. All of them may be: they change
    nothing in the server.

    Args:
        address: `host:port` of the server's gRPC API.
        model_names: Names of its models; the API has no list of them.
        timeout_seconds: The deadline of a call, its repetitions included.
        max_message_bytes: Largest request and answer.
        observe: Called with signature, code and seconds after each prediction.
    """

    def __init__(self, address, model_names, timeout_seconds, max_message_bytes, observe):
        self.model_names = tuple(model_names)
        self._timeout_seconds, self._observe = timeout_seconds, observe
        self._known = {}
        retry = {
            "maxAttempts": _ATTEMPTS,
            "initialBackoff": "0.1s",
            "maxBackoff": "2s",
            "backoffMultiplier": 2,
            "retryableStatusCodes": ["UNAVAILABLE"],
        }
        self._channel = grpc.aio.insecure_channel(
            address,
            options=[
                ("grpc.max_send_message_length", max_message_bytes),
                ("grpc.max_receive_message_length", max_message_bytes),
                ("grpc.keepalive_time_ms", _KEEP_ALIVE_SECONDS * 1000),
                ("grpc.enable_retries", 1),
                # A server that starts again is found before the attempts are used up.
                ("grpc.initial_reconnect_backoff_ms", 100),
                ("grpc.min_reconnect_backoff_ms", 100),
                ("grpc.max_reconnect_backoff_ms", 2000),
                ("grpc.service_config", json.dumps({"methodConfig": [{"name": [{}], "retryPolicy": retry}]})),
            ],
        )
        self._prediction = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)

    async def close(self):
        """Ends the connection."""
        await self._channel.close()

    async def predict(self, target, signature, inputs):
        """See `ManagerBackend.predict`."""
        request = predict_pb2.PredictRequest(model_spec=target.spec(signature))
        for name, array in inputs.items():
            request.inputs[name].CopyFrom(to_proto(array))
        started, code = time.perf_counter(), "CANCELLED"
        try:
            response = await self._prediction.Predict(request, timeout=self._timeout_seconds)
            code = "OK"
        except grpc.aio.AioRpcError as error:
            code = error.code().name
            raise _serving_error(error) from error
        finally:
            self._observe(signature, code, time.perf_counter() - started)
        outputs = {name: from_proto(name, tensor) for name, tensor in response.outputs.items()}
        return response.model_spec.version.value, outputs

    async def signatures(self, target):
        """See `ManagerBackend.signatures`; what was heard in the last ten seconds is not asked for again."""
        known = self._known.get(target)
        if known is not None and time.monotonic() < known[0]:
            return known[1]
        request = get_model_metadata_pb2.GetModelMetadataRequest(
            model_spec=target.spec(), metadata_field=["signature_def"]
        )
        try:
            response = await self._prediction.GetModelMetadata(request, timeout=self._timeout_seconds)
        except grpc.aio.AioRpcError as error:
            raise _serving_error(error) from error
        found = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(found)
        answer = response.model_spec.version.value, dict(found.signature_def)
        now = time.monotonic()
        # Anybody may ask for versions that were never there, so what is too old goes.
        self._known = {key: value for key, value in self._known.items() if value[0] > now}
        self._known[target] = now + _METADATA_SECONDS, answer
        return answer

    async def available(self, target):
        """See `ManagerBackend.available`."""
        request = get_model_status_pb2.GetModelStatusRequest(model_spec=target.spec())
        try:
            response = await self._models.GetModelStatus(request, timeout=self._timeout_seconds)
        except grpc.aio.AioRpcError as error:
            raise _serving_error(error) from error
        return sorted(
            status.version
            for status in response.model_version_status
            if status.state == get_model_status_pb2.ModelVersionStatus.AVAILABLE
        )


def _serving_error(error):
    return ServingError(Code(error.code().value[0]), error.details() or "the server gives no reason")
