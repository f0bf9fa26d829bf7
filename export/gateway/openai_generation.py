"""`/v1/chat/completions` and `/v1/completions` of OpenAI's API."""

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import JSONResponse, StreamingResponse

from export.gateway.api_error import ApiError, api_error, refused
from export.gateway.continuation import check_resumable, parts, whole
from export.gateway.conversation_inputs import conversation_inputs
from export.gateway.generation_request import generation_request
from export.gateway.openai_models import requested_signature, requested_target
from export.gateway.request_fields import RequestFields
from export.serve.json_body import json_body
from export.serve.status import ServingError

_DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True)
class _Protocol:
    """How one of the two routes says things.

    Attributes:
        signature: The served signature that answers.
        what: What it does, for messages.
        prefix: Of the answers' ids.
        objects: The `object` of a whole answer and of a part.
        limits: Fields that hold the most tokens of an answer.
        inputs: The signature's texts.
        said: From a text to what a choice of a whole answer holds.
        added: From a text, and whether it is the first part, to what a choice of a part holds.
    """

    signature: str
    what: str
    prefix: str
    objects: tuple[str, str]
    limits: tuple[str, ...]
    inputs: tuple[str, ...]
    said: Callable
    added: Callable


def _delta(text, first):
    delta = {"role": "assistant", "content": text} if first else {"content": text} if text else {}
    return {"delta": delta, "logprobs": None}


CHAT = _Protocol(
    "chat",
    "chat",
    "chatcmpl",
    ("chat.completion", "chat.completion.chunk"),
    ("max_completion_tokens", "max_tokens"),
    ("user",),
    lambda text: {"message": {"role": "assistant", "content": text, "refusal": None}, "logprobs": None},
    _delta,
)
COMPLETIONS = _Protocol(
    "generate",
    "continue a text",
    "cmpl",
    ("text_completion", "text_completion"),
    ("max_tokens",),
    ("text",),
    lambda text: {"text": text, "logprobs": None},
    lambda text, first: {"text": text, "logprobs": None},
)


class OpenAiGeneration:
    """The answers of a route.

    Args:
        backend: `GrpcBackend`.
        protocol: `CHAT` or `COMPLETIONS`.
        tokens_at_a_time: Tokens of a part of a stream.
        count: Called with the tokens of prompts and of answers.
    """

    def __init__(self, backend, protocol, tokens_at_a_time, count):
        self._backend, self._protocol = backend, protocol
        self._tokens_at_a_time, self._count = tokens_at_a_time, count

    async def __call__(self, request):
        """Answers a request.

        Raises:
            ApiError, ServingError: for what cannot be answered.
        """
        protocol, fields = self._protocol, RequestFields(await json_body(request))
        identifier = fields.take("model", str, required=True)
        target = requested_target(self._backend, identifier)
        request.scope["gateway.model"] = target.name
        name, signature = await requested_signature(
            self._backend, target, [protocol.signature], protocol.inputs, ("text",), protocol.what
        )
        check_resumable(identifier, name, signature)
        streams = fields.take("stream", bool, False)
        options = _stream_options(fields, streams)
        if protocol is CHAT:
            rows = [conversation_inputs(fields.take("messages", list, required=True), set(signature.inputs))]
        else:
            rows = [{"text": text} for text in _prompts(fields.pop("prompt"))]
        asked = generation_request(name, signature, rows, fields, protocol.limits)
        fields.refuse_the_rest()
        about = {"id": f"{protocol.prefix}-{uuid.uuid4().hex}", "created": int(time.time()), "model": identifier}
        if streams:
            return await self._stream(request, target, asked, about, options)
        try:
            found = await whole(self._backend, target, asked)
        except ServingError as error:
            raise api_error(error, asked.names) from error
        choices = [
            {"index": index, **protocol.said(part.text), "finish_reason": part.finish_reason}
            for index, part in enumerate(found)
        ]
        usage = self._usage(request, sum(part.prompt_tokens for part in found), sum(part.num_tokens for part in found))
        return JSONResponse({**about, "object": protocol.objects[0], "choices": choices, "usage": usage})

    async def _stream(self, request, target, asked, about, include_usage):
        events = self._events(request, target, asked, about, include_usage)
        try:
            # What fails at once is an error with a status of its own.
            first = await anext(events)
        except ServingError as error:
            raise api_error(error, asked.names) from error
        body = _until_gone(request, first, events, asked.names)
        return StreamingResponse(body, media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def _events(self, request, target, asked, about, include_usage):
        protocol = self._protocol
        about = {**about, "object": protocol.objects[1]}
        more = {"usage": None} if include_usage else {}
        prompt_tokens = num_tokens = 0
        part = None
        try:
            for index, row in enumerate(asked.rows):
                part = None
                async for part in parts(self._backend, target, asked, row, self._tokens_at_a_time):
                    first, ended = part.first, part.finish_reason is not None
                    if part.text or first:
                        choice = {"index": index, **protocol.added(part.text, first), "finish_reason": None}
                        yield _event({**about, "choices": [choice], **more})
                    if ended:
                        choice = {"index": index, **protocol.added("", False), "finish_reason": part.finish_reason}
                        yield _event({**about, "choices": [choice], **more})
                prompt_tokens, num_tokens = prompt_tokens + part.prompt_tokens, num_tokens + part.num_tokens
                part = None
        finally:
            # What has been computed counts, even if nobody waits for the rest.
            if part is not None:
                prompt_tokens, num_tokens = prompt_tokens + part.prompt_tokens, num_tokens + part.num_tokens
            usage = self._usage(request, prompt_tokens, num_tokens)
        if include_usage:
            yield _event({**about, "choices": [], "usage": usage})
        yield _DONE

    def _usage(self, request, prompt_tokens, num_tokens):
        request.scope["gateway.tokens"] = prompt_tokens, num_tokens
        self._count(prompt_tokens, num_tokens)
        return {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": num_tokens,
            "total_tokens": prompt_tokens + num_tokens,
        }


async def _until_gone(request, first, events, names):
    """The events, as long as the client is there; a failure is the last of them."""
    try:
        yield first
        async for event in events:
            if await request.is_disconnected():
                break
            yield event
    except ServingError as error:
        yield _event(api_error(error, names).openai())
    except ApiError as error:
        yield _event(error.openai())
    finally:
        await events.aclose()


def _event(content):
    return f"data: {json.dumps(content, ensure_ascii=False)}\n\n".encode("utf-8", "surrogatepass")


def _stream_options(fields, streams):
    """Whether a stream ends with what was used."""
    options = fields.pop("stream_options")
    if options is None:
        return False
    if not streams:
        raise refused("stream_options is for streams", "stream_options")
    known = {"include_usage", "include_obfuscation"}
    if not isinstance(options, dict) or not set(options) <= known or options.get("include_obfuscation"):
        raise refused("stream_options may hold include_usage alone", "stream_options")
    return bool(options.get("include_usage"))


def _prompts(prompt):
    if prompt is None:
        raise refused("prompt is missing", "prompt")
    prompts = [prompt] if isinstance(prompt, str) else prompt
    if not isinstance(prompts, list) or not prompts or not all(isinstance(each, str) for each in prompts):
        raise refused("prompt must be a string or a list of strings; token ids are not supported here", "prompt")
    return prompts
