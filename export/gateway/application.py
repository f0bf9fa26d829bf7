"""The gateway's routes, put together."""

import contextlib

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.routing import Match, Route

from export.gateway.api_error import ApiError, api_error
from export.gateway.gate import Gate
from export.gateway.openai_embeddings import OpenAiEmbeddings
from export.gateway.openai_generation import CHAT, COMPLETIONS, OpenAiGeneration
from export.gateway.openai_models import list_models, retrieve_model
from export.gateway.rerank import Rerank
from export.serve.kserve import KServe
from export.serve.page import Page
from export.serve.status import ServingError


def application(backend, metrics, *, keys, rate_limit, options, log):
    """The ASGI application of a gateway.

    Args:
        backend: A function without arguments that makes a `GrpcBackend`, called when the application starts.
        metrics: `Metrics`.
        keys: `ApiKeys` or None.
        rate_limit: `RateLimit`.
        options: `GatewayOptions`.
        log: See `Gate`.
    """
    handlers = {ApiError: _failed, ServingError: _failed, HTTPException: _no_route, 500: _broken}
    app = Starlette(exception_handlers=handlers)

    @contextlib.asynccontextmanager
    async def lifespan(app):
        # Channels belong to the event loop in which they are made.
        models = backend()
        app.router.routes.extend(_routes(models, metrics, options))
        try:
            yield
        finally:
            await models.close()

    app.router.lifespan_context = lifespan
    gate = Gate(
        _Named(app),
        keys=keys,
        rate_limit=rate_limit,
        max_body_bytes=options.max_body_bytes,
        metrics=metrics,
        log=log,
    )
    if not options.allow_origins:
        return gate
    return CORSMiddleware(
        gate,
        allow_origins=list(options.allow_origins),
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", "X-Api-Key"],
    )


def _routes(models, metrics, options):
    async def listed(request):
        return await list_models(models)

    async def retrieved(request):
        return await retrieve_model(models, request.path_params["identifier"])

    def posted(path, endpoint):
        async def answer(request: Request):
            return await endpoint(request)

        return Route(path, answer, methods=["POST"])

    generation = {"tokens_at_a_time": options.tokens_at_a_time, "count": metrics.count_tokens}
    rerank = Rerank(models, options.max_batch_size)
    return [
        Route("/v1/models", listed),
        Route("/v1/models/{identifier:path}", retrieved),
        posted("/v1/chat/completions", OpenAiGeneration(models, CHAT, **generation)),
        posted("/v1/completions", OpenAiGeneration(models, COMPLETIONS, **generation)),
        posted("/v1/embeddings", OpenAiEmbeddings(models)),
        posted("/v1/rerank", rerank),
        posted("/v2/rerank", rerank),
        Route("/metrics", metrics.respond),
        *KServe(models).routes(),
        *Page(models, streaming=True).routes(),
    ]


class _Named:
    """Tells the gate which route and which model a request is for, in words that no client can choose."""

    def __init__(self, app):
        self._app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            for route in self._app.router.routes:
                match, _ = route.matches(scope)
                if match != Match.NONE:
                    scope["gateway.route"] = route.path
                    break
        await self._app(scope, receive, send)


async def _failed(request, error):
    return api_error(error).response(request.url.path)


async def _broken(request, error):
    # The error itself goes to the log of the web server.
    return ApiError(500, "internal error").response(request.url.path)


async def _no_route(request, error):
    message = f"{request.method} {request.url.path}: {error.detail}"
    return ApiError(error.status_code, message, headers=error.headers).response(request.url.path)
