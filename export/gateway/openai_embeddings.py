"""`/v1/embeddings` of OpenAI's API."""

import base64

from starlette.responses import JSONResponse

from export.gateway.api_error import api_error, refused
from export.gateway.generation_request import text_array
from export.gateway.openai_models import requested_signature, requested_target
from export.gateway.request_fields import RequestFields
from export.serve.json_body import json_body
from export.serve.status import ServingError


class OpenAiEmbeddings:
    """Vectors of texts.

    A model that has prompts takes the name of one as `prompt`. What was used is not said: exports of embedders give no
    numbers of tokens.

    Args:
        backend: `GrpcBackend`.
    """

    def __init__(self, backend):
        self._backend = backend

    async def __call__(self, request):
        """Answers a request.

        Raises:
            ApiError, ServingError: for what cannot be answered.
        """
        fields = RequestFields(await json_body(request))
        identifier = fields.take("model", str, required=True)
        target = requested_target(self._backend, identifier)
        request.scope["gateway.model"] = target.name
        prompt = fields.take("prompt", str)
        names = ["serving_default"] if prompt is None else ["embed"]
        name, _ = await requested_signature(
            self._backend, target, names, ("text",), ("embedding",), "embed texts" + " with prompts" * bool(prompt)
        )
        texts = fields.pop("input")
        texts = [texts] if isinstance(texts, str) else texts
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
            raise refused("input must be a string or a list of strings; token ids are not supported here", "input")
        form = fields.take("encoding_format", str, "float")
        if form not in ("float", "base64"):
            raise refused("encoding_format must be float or base64", "encoding_format")
        dimensions = fields.take("dimensions", int)
        fields.refuse_the_rest()
        inputs = {"text": text_array(texts)}
        if prompt is not None:
            inputs["prompt"] = text_array([prompt] * len(texts))
        try:
            _, outputs = await self._backend.predict(target, name, inputs)
        except ServingError as error:
            raise api_error(error, {"text": "input"}) from error
        for message in outputs.get("error", ()):
            if message:
                raise refused(message.decode(), "prompt")
        vectors = outputs["embedding"]
        if dimensions not in (None, vectors.shape[1]):
            raise refused(f"the model gives vectors of {vectors.shape[1]} dimensions", "dimensions")
        data = [
            {"object": "embedding", "index": index, "embedding": _written(vector, form)}
            for index, vector in enumerate(vectors)
        ]
        return JSONResponse({"object": "list", "data": data, "model": identifier})


def _written(vector, form):
    if form == "float":
        return vector.tolist()
    return base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii")
