"""The page at `/`, on which people try models: static files of ours, and what the models are."""

from pathlib import Path

import tensorflow as tf
from starlette.responses import FileResponse, JSONResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from export.serve.kserve_tensors import tensor_metadata
from export.serve.model_target import ModelTarget
from export.serve.status import Code, ServingError

_FILES = Path(__file__).parents[1] / "page"
# Nothing of another server is loaded, and nothing is sent to one.
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Page:
    """The routes of the page.

    Args:
        backend: `ManagerBackend`, or another object with its methods.
        streaming: Whether OpenAI's API is there, too, from which texts come part by part.
    """

    def __init__(self, backend, streaming):
        self._backend, self._streaming = backend, streaming

    def routes(self):
        """list of routes of Starlette."""
        return [
            Route("/", self._index),
            Route("/page/models.json", self._models),
            Mount("/page", StaticFiles(directory=_FILES)),
        ]

    async def _index(self, request):
        return FileResponse(_FILES / "index.html", headers=_HEADERS)

    async def _models(self, request):
        found = []
        for name in self._backend.model_names:
            try:
                versions = await self._backend.available(ModelTarget(name))
                if not versions:
                    continue
                _, signatures = await self._backend.signatures(ModelTarget(name, versions[-1]))
            except ServingError as error:
                if error.code == Code.NOT_FOUND:
                    continue
                raise
            described = {key: _signature(each) for key, each in signatures.items() if not key.startswith("__")}
            found.append({"name": name, "versions": versions, "signatures": described})
        return JSONResponse({"streaming": self._streaming, "models": found})


def _signature(signature):
    """Types by name, and what inputs are where nobody sets them."""
    inputs, outputs = (
        {each.pop("name"): each for each in tensor_metadata(infos)} for infos in (signature.inputs, signature.outputs)
    )
    for name, value in signature.defaults.items():
        (default,) = tf.make_ndarray(value).ravel().tolist()[:1]
        inputs[name]["default"] = default.decode("utf-8", "replace") if isinstance(default, bytes) else default
    return {"inputs": inputs, "outputs": outputs}
