"""Models as OpenAI's API names them: `NAME`, `NAME/versions/3`, `NAME/labels/stable`."""

from starlette.responses import JSONResponse

from export.gateway.api_error import ApiError, refused
from export.serve.model_target import parse_target


async def list_models(backend):
    """The answer to `GET /v1/models`."""
    return JSONResponse({"object": "list", "data": [_model(name) for name in backend.model_names]})


async def retrieve_model(backend, identifier):
    """The answer to `GET /v1/models/IDENTIFIER`.

    Raises:
        ApiError: for a model that is not there.
        ServingError: if the server has no such version.
    """
    await backend.signatures(requested_target(backend, identifier))
    return JSONResponse(_model(identifier))


def _model(identifier):
    # The server does not say when a model was made.
    return {"id": identifier, "object": "model", "created": 0, "owned_by": "tensorflow-serving"}


def requested_target(backend, identifier):
    """The `ModelTarget` of a request's field `model`.

    Raises:
        ApiError: 404 for a model that is not there.
    """
    target = parse_target(identifier)
    if target is None or target.name not in backend.model_names:
        raise ApiError(404, f"The model {identifier!r} does not exist", param="model", code="model_not_found")
    return target


async def requested_signature(backend, target, names, inputs, outputs, what):
    """The first signature of some names that a model has, and that takes and gives what is needed.

    Args:
        backend: `GrpcBackend`.
        target: `ModelTarget`.
        names: Signatures' names, the preferred one first.
        inputs: Names of inputs, for which there must be texts.
        outputs: Names of outputs that it must give.
        what: What is asked, for the message.

    Returns:
        The name and the `SignatureDef`.

    Raises:
        ApiError: if the model has none of them.
    """
    _, signatures = await backend.signatures(target)
    for name in names:
        signature = signatures.get(name)
        if signature is None or not set(outputs) <= set(signature.outputs):
            continue
        if set(signature.inputs) - set(signature.defaults) == set(inputs):
            return name, signature
    raise refused(f"the model {target.name!r} cannot {what}: it has no such signature", "model", "unsupported_model")
