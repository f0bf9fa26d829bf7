"""Answers to Classify and Regress: the server's checks of a signature, which text signatures do not pass."""

from export.serve.servable import DEFAULT_SIGNATURE
from export.serve.status import Code, ServingError, invalid_argument


def check_classify(servable, signature_name=""):
    """Raises what the server answers to a Classify request for a signature.

    Raises:
        ServingError: INVALID_ARGUMENT, the signature is not a classification; UNIMPLEMENTED, it is one, which only the
            real server runs.
    """
    signature = _signature(servable, signature_name)
    if len(signature.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")
    if len(signature.outputs) not in (1, 2):
        raise invalid_argument(f"Expected one or two output Tensors, found {len(signature.outputs)}")
    if "inputs" not in signature.inputs:
        raise invalid_argument(f"No classification inputs found in SignatureDef: {signature}")
    if not {"classes", "scores"} & set(signature.outputs):
        raise invalid_argument(
            "Expected classification signature outputs to contain at least one of "
            f'"classes" or "scores". Signature was: {signature}'
        )
    raise ServingError(Code.UNIMPLEMENTED, "the local server answers Predict only, not Classify")


def check_regress(servable, signature_name=""):
    """Raises what the server answers to a Regress request for a signature.

    Raises:
        ServingError: INVALID_ARGUMENT, the signature is not a regression; UNIMPLEMENTED, it is one, which only the
            real server runs.
    """
    signature = _signature(servable, signature_name)
    if len(signature.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")
    if len(signature.outputs) != 1:
        raise invalid_argument("Expected one output Tensor.")
    if "inputs" not in signature.inputs:
        raise invalid_argument(f"No regression inputs found in SignatureDef: {signature}")
    if "outputs" not in signature.outputs:
        raise invalid_argument(f"No regression outputs found in SignatureDef: {signature}")
    raise ServingError(Code.UNIMPLEMENTED, "the local server answers Predict only, not Regress")


def _signature(servable, signature_name):
    name = signature_name or DEFAULT_SIGNATURE
    if name not in servable.signatures:
        raise invalid_argument(f"No signature was found with the name: {name}")
    return servable.signatures[name]
