"""Answers of a text generator, in one call or part by part."""

from dataclasses import dataclass, replace

from export.gateway.api_error import ApiError
from export.gateway.generation_request import LIMIT, NEEDED_OUTPUTS, SO_FAR
from export.serve.status import Code, ServingError, invalid_argument


@dataclass(frozen=True)
class Part:
    """A part of an answer, or all of it.

    Attributes:
        text: What has been added to the parts before.
        prompt_tokens: Tokens of the prompt.
        num_tokens: Tokens of the answer up to here.
        finish_reason: "stop" or "length" in the last part, else None.
        first: Whether nothing came before.
    """

    text: str
    prompt_tokens: int
    num_tokens: int
    finish_reason: str | None
    first: bool = True


def check_resumable(model, name, signature):
    """Refuses a signature that cannot go on from one call to the next.

    Raises:
        ApiError: saying what the model lacks.
    """
    lacking = [each for each in NEEDED_OUTPUTS if each not in signature.outputs]
    if SO_FAR not in signature.inputs or LIMIT not in signature.defaults or lacking:
        raise ApiError(
            400,
            f"the signature {name!r} of {model!r} gives no text in parts; export the text generator again",
            param="model",
            code="unsupported_model",
        )


async def whole(backend, target, request):
    """Answers to all rows of a `GenerationRequest` in one call, list of `Part`.

    Raises:
        ServingError: as the server says it, and INVALID_ARGUMENT for a row that the model refuses.
    """
    _, outputs = await backend.predict(target, request.signature, request.inputs(request.rows))
    return [_part(outputs, row, 0, request.limit) for row in range(len(request.rows))]


async def parts(backend, target, request, row, tokens_at_a_time):
    """The answer to one row as it comes: the first token, then some tokens at a time.

    Each part is a call of its own, which is given the tokens of those before. All are answered by the version that has
    answered the first.

    Args:
        backend: `GrpcBackend`.
        target: `ModelTarget`.
        request: `GenerationRequest`.
        row: One of its rows.
        tokens_at_a_time: Tokens of a part.

    Yields:
        `Part`; the last one has a `finish_reason`. The texts together are the text of one call.

    Raises:
        ServingError: as of `whole`.
    """
    so_far, settled, limit, first = "", 0, 1, True
    while True:
        limit = min(limit, request.limit)
        inputs = request.inputs([row], **{LIMIT: limit, SO_FAR: so_far})
        version, outputs = await backend.predict(target, request.signature, inputs)
        target = target.at(version)
        part = replace(_part(outputs, 0, settled, request.limit), first=first)
        yield part
        if part.finish_reason:
            return
        first, so_far = False, outputs["token_ids"][0].decode("ascii")
        settled = max(settled, int(outputs["settled_bytes"][0]))
        limit = part.num_tokens + tokens_at_a_time


def _part(outputs, row, settled, limit):
    """The part of a row's answer behind its first `settled` bytes."""
    if "error" in outputs and outputs["error"][row]:
        raise invalid_argument(outputs["error"][row].decode())
    missing = [name for name in NEEDED_OUTPUTS if name not in outputs]
    if missing:
        raise ServingError(Code.FAILED_PRECONDITION, f"the model has no output {missing[0]!r}")
    num_tokens = int(outputs["num_tokens"][row])
    finished = bool(outputs["finished"][row])
    reason = "stop" if finished else "length" if num_tokens >= limit else None
    text = outputs["text"][row]
    end = len(text) if reason else int(outputs["settled_bytes"][row])
    return Part(
        text[settled : max(settled, end)].decode("utf-8"), int(outputs["prompt_tokens"][row]), num_tokens, reason
    )
