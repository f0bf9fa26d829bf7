"""The answers of status and metadata requests, shared by REST and gRPC."""

from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

from export.serve.status import Code, invalid_argument


def model_status(manager, model_spec):
    """Returns the `GetModelStatusResponse` for a `ModelSpec`.

    Raises:
        ServingError: NOT_FOUND.
    """
    response = get_model_status_pb2.GetModelStatusResponse()
    for version, state, error in manager.version_states(model_spec):
        entry = response.model_version_status.add(version=version, state=state)
        entry.status.error_code = Code.OK if error is None else error.code
        entry.status.error_message = "" if error is None else error.message
    return response


def model_metadata(manager, request):
    """Returns the `GetModelMetadataResponse` for a `GetModelMetadataRequest`.

    Raises:
        ServingError: INVALID_ARGUMENT or NOT_FOUND.
    """
    if not request.HasField("model_spec"):
        raise invalid_argument("Missing ModelSpec")
    if not request.metadata_field:
        raise invalid_argument("GetModelMetadataRequest must specify at least one metadata_field")
    for field in request.metadata_field:
        if field != "signature_def":
            raise invalid_argument(f"Metadata field {field} is not supported")
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    signatures = get_model_metadata_pb2.SignatureDefMap()
    with manager.servable(request.model_spec) as servable:
        for name, signature in servable.signatures.items():
            signatures.signature_def[name].CopyFrom(signature)
        response.model_spec.name = servable.name
        response.model_spec.version.value = servable.version
    response.metadata["signature_def"].Pack(signatures)
    return response
