"""`/v1/rerank`, in the shape that Cohere and Jina gave it: documents in order of how well they fit a query."""

import uuid

import numpy as np
from starlette.responses import JSONResponse

from export.gateway.api_error import refused
from export.gateway.generation_request import text_array
from export.gateway.openai_models import requested_signature, requested_target
from export.gateway.request_fields import RequestFields
from export.serve.json_body import json_body


class Rerank:
    """Orders documents by a model of pairs.

    Args:
        backend: `GrpcBackend`.
        most_rows: Most pairs in a call; more are sent in several.
    """

    def __init__(self, backend, most_rows):
        self._backend, self._most_rows = backend, most_rows

    async def __call__(self, request):
        """Answers a request.

        Raises:
            ApiError, ServingError: for what cannot be answered.
        """
        fields = RequestFields(await json_body(request))
        identifier = fields.take("model", str, required=True)
        target = requested_target(self._backend, identifier)
        request.scope["gateway.model"] = target.name
        name, _ = await requested_signature(
            self._backend,
            target,
            ["serving_default", "similarity"],
            ("text", "text_pair"),
            ("score",),
            "put documents in order",
        )
        query = fields.take("query", str, required=True)
        given = fields.take("documents", list, required=True)
        documents = [each.get("text") if isinstance(each, dict) else each for each in given]
        if not documents or not all(isinstance(each, str) for each in documents):
            raise refused("documents must be a list of strings, or of objects with a text", "documents")
        top_n = fields.take("top_n", int, len(documents))
        if top_n < 1:
            raise refused(f"top_n must be at least 1, got {top_n}", "top_n")
        returns = fields.take("return_documents", bool, False)
        fields.refuse_the_rest()
        scores, values = [], []
        for start in range(0, len(documents), self._most_rows):
            part = documents[start : start + self._most_rows]
            inputs = {"text": text_array([query] * len(part)), "text_pair": text_array(part)}
            version, outputs = await self._backend.predict(target, name, inputs)
            target = target.at(version)
            for message in outputs.get("error", ()):
                if message:
                    raise refused(message.decode())
            scores += outputs["score"].tolist()
            # Scores that rounding has made equal are told apart by the model's own number.
            values += outputs.get("value", outputs["score"]).tolist()
        order = np.lexsort((np.arange(len(scores)), -np.array(values)))[:top_n]
        results = [{"index": int(place), "relevance_score": scores[place]} for place in order]
        if returns:
            results = [{**each, "document": {"text": documents[each["index"]]}} for each in results]
        return JSONResponse({"id": str(uuid.uuid4()), "model": identifier, "results": results})
