"""TensorFlow Serving's gRPC services over a `ModelManager`."""

import functools

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from export.serve.classify_regress import check_classify, check_regress
from export.serve.model_api import model_metadata, model_status
from export.serve.servable import DEFAULT_SIGNATURE
from export.serve.status import Code, ServingError, invalid_argument
from export.serve.tensors import from_proto, to_proto

_GRPC_CODES = {code.value[0]: code for code in grpc.StatusCode}
_MESSAGE_LIMIT = 1024


def _reports_errors(method):
    """Turns a `ServingError` into the call's error status."""

    @functools.wraps(method)
    def wrapped(self, request, context):
        try:
            return method(self, request, context)
        except ServingError as error:
            message = error.message
            if len(message) > _MESSAGE_LIMIT:
                message = message[:_MESSAGE_LIMIT] + "...TRUNCATED"
            # Bytes of the request that are no UTF-8 may be quoted; a gRPC status message cannot carry them.
            message = message.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            context.abort(_GRPC_CODES[error.code], message)

    return wrapped


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata; Classify, Regress and MultiInference answer errors."""

    def __init__(self, manager):
        self._manager = manager

    @_reports_errors
    def Predict(self, request, context):
        """Runs a signature on the request's tensors."""
        with self._servable(request) as servable:
            inputs = {name: from_proto(name, tensor) for name, tensor in request.inputs.items()}
            signature = request.model_spec.signature_name or DEFAULT_SIGNATURE
            outputs = servable.predict(inputs, signature, list(request.output_filter))
            response = predict_pb2.PredictResponse()
            response.model_spec.name = request.model_spec.name
            response.model_spec.signature_name = signature
            response.model_spec.version.value = servable.version
        for name, array in outputs.items():
            response.outputs[name].CopyFrom(to_proto(array))
        return response

    @_reports_errors
    def GetModelMetadata(self, request, context):
        """Returns the signatures of a model."""
        return model_metadata(self._manager, request)

    @_reports_errors
    def Classify(self, request, context):
        """Always ends in an error: the signature is none for this, or only the real server runs it."""
        with self._servable(request) as servable:
            check_classify(servable, request.model_spec.signature_name)

    @_reports_errors
    def Regress(self, request, context):
        """Always ends in an error: the signature is none for this, or only the real server runs it."""
        with self._servable(request) as servable:
            check_regress(servable, request.model_spec.signature_name)

    @_reports_errors
    def MultiInference(self, request, context):
        """Always ends in an error."""
        raise ServingError(Code.UNIMPLEMENTED, "the local server answers Predict only, not MultiInference")

    def _servable(self, request):
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        return self._manager.servable(request.model_spec)


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus and HandleReloadConfigRequest."""

    def __init__(self, manager):
        self._manager = manager

    @_reports_errors
    def GetModelStatus(self, request, context):
        """Returns the states of a model's versions."""
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        return model_status(self._manager, request.model_spec)

    @_reports_errors
    def HandleReloadConfigRequest(self, request, context):
        """Serves another model list from now on."""
        self._manager.reload_config(request.config)
        return model_management_pb2.ReloadConfigResponse()


def add_services(server, manager):
    """Adds the prediction, model and health services to a gRPC server.

    The health of the empty service name is SERVING while every configured model has an available version.

    Args:
        server: `grpc.Server`, not yet started.
        manager: `ModelManager`.
    """
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionService(manager), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(manager), server)
    health_service = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health_service, server)

    def report_health():
        serving = manager.all_available()
        status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        health_service.set("", status)

    manager.add_listener(report_health)
    report_health()
