"""OpenAI's API by its own client: answers are Python's, in one call and as streams."""

import asyncio
import base64
import struct

import openai
import pytest
from served_generator import NO_SYSTEM, save_generator
from tiny_generator import make_generator

from export.gateway.api_error import ApiError
from export.gateway.conversation_inputs import conversation_inputs
from export.serve import LocalServer

CONVERSATION = [
    {"role": "system", "content": "low\n"},
    {"role": "user", "content": "the quick é"},
    {"role": "assistant", "content": "fox"},
    {"role": "user", "content": [{"type": "text", "text": "slower"}, {"type": "text", "text": ", low"}]},
]
PLAIN = [*CONVERSATION[:3], {"role": "user", "content": "slower, low"}]
CASES = [
    {"seed": 5},
    {"seed": 8, "max_tokens": 5},
    {"seed": 9, "temperature": 0.5, "top_p": 0.8},
    {"seed": 2, "temperature": 0},
]


def controls(case):
    names = {"max_tokens": "max_new_tokens"}
    return {names.get(name, name): value for name, value in case.items()}


def prompt_tokens(generator, text):
    return len(generator.tokenizer.encode([text]).to_list()[0])


@pytest.mark.parametrize("case", CASES)
def test_completions(client, generator, case):
    prompts = ["the slow fox", "low"]
    (first, second) = (generator.samples(prompt, 1, **controls(case))[0] for prompt in prompts)
    found = client.completions.create(model="writer", prompt=prompts, **case)
    assert [choice.text for choice in found.choices] == [first.text, second.text]
    assert found.usage.completion_tokens == first.num_tokens + second.num_tokens
    assert found.usage.prompt_tokens == sum(prompt_tokens(generator, prompt) for prompt in prompts)
    assert found.usage.total_tokens == found.usage.prompt_tokens + found.usage.completion_tokens
    ended = [answer.num_tokens < case.get("max_tokens", 24) for answer in (first, second)]
    assert [choice.finish_reason for choice in found.choices] == ["stop" if each else "length" for each in ended]
    parts = list(
        client.completions.create(
            model="writer", prompt=prompts, stream=True, stream_options={"include_usage": True}, **case
        )
    )
    *parts, last = parts
    assert last.choices == [] and last.usage == found.usage and all(part.usage is None for part in parts)
    for index, choice in enumerate(found.choices):
        of_choice = [part.choices[0] for part in parts if part.choices[0].index == index]
        assert "".join(part.text for part in of_choice) == choice.text
        assert [part.finish_reason for part in of_choice if part.finish_reason] == [choice.finish_reason]
        assert of_choice[-1].finish_reason and len(of_choice) > 2


def test_chat(client, generator):
    for seed, stop in ((1, None), (2, ["e", "\n"]), (3, "x")):
        stops = {} if stop is None else {"stop": [stop] if isinstance(stop, str) else stop}
        # No message has a control token in it, so the plain text has the same tokens.
        rendered = generator.conversations.rendered(PLAIN)
        expected = generator(rendered, seed=seed, **stops)
        request = dict(model="writer", messages=CONVERSATION, seed=seed, stop=stop)
        found = client.chat.completions.create(**request)
        assert (found.choices[0].message.role, found.choices[0].message.content) == ("assistant", expected)
        assert found.usage.prompt_tokens == prompt_tokens(generator, rendered)
        parts = list(client.chat.completions.create(**request, stream=True))
        assert "".join(part.choices[0].delta.content or "" for part in parts) == expected
        assert parts[0].choices[0].delta.role == "assistant"
        assert parts[-1].choices[0].finish_reason == found.choices[0].finish_reason
        assert {part.id for part in parts} == {parts[0].id} and parts[0].id != found.id


def test_without_a_seed_answers_differ(client):
    found = [client.completions.create(model="writer", prompt="low").choices[0].text for _ in range(3)]
    assert len(set(found)) > 1


def test_streams_side_by_side(gateway, generator):
    async def ask_all():
        async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0) as client:

            async def one(seed):
                stream = await client.completions.create(model="writer", prompt="the quick", seed=seed, stream=True)
                return "".join([part.choices[0].text async for part in stream])

            return await asyncio.gather(*map(one, range(12)))

    assert asyncio.run(ask_all()) == [generator("the quick", seed=seed) for seed in range(12)]


def test_a_client_that_leaves_stops_the_calls(start, generator, monkeypatch):
    from export.serve.servable import Servable

    calls = []
    predict = Servable.predict

    def counted(self, inputs, *rest, **options):
        calls.append(inputs)
        return predict(self, inputs, *rest, **options)

    monkeypatch.setattr(Servable, "predict", counted)
    seed = next(seed for seed in range(30) if generator.samples("low", 1, seed=seed)[0].num_tokens == 24)
    gateway, lines = start(tokens_at_a_time=1)
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none")
    with gateway, client, client.completions.create(model="writer", prompt="low", seed=seed, stream=True) as stream:
        next(stream)
    # The gateway has stopped, so nothing more will come.
    assert 1 <= len(calls) < 24
    (line,) = lines
    assert line["completion_tokens"] <= len(calls) and line["route"] == "/v1/completions"


def test_models(client):
    assert [model.id for model in client.models.list()] == ["writer", "vectors", "ranker", "tasks"]
    assert client.models.retrieve("writer").id == "writer"
    assert client.models.retrieve("writer/versions/1").id == "writer/versions/1"
    with pytest.raises(openai.BadRequestError, match="label: stable"):
        client.models.retrieve("writer/labels/stable")
    for name in ("nobody", "writer/versions/7"):
        with pytest.raises(openai.NotFoundError) as caught:
            client.models.retrieve(name)
        assert caught.value.code == "model_not_found"
    assert client.completions.create(model="writer/versions/1", prompt="low", max_tokens=1).usage.completion_tokens == 1


def test_embeddings(client):
    for form in ("float", "base64", openai.NOT_GIVEN):
        found = client.embeddings.create(model="vectors", input=["abc", "éa"], encoding_format=form)
        vectors = [
            list(struct.unpack("<3f", base64.b64decode(each.embedding)))
            if isinstance(each.embedding, str)
            else each.embedding
            for each in found.data
        ]
        assert vectors == [[3.0, 1.0, -3.0], [3.0, 1.0, -3.0]]
    with pytest.raises(openai.BadRequestError, match="vectors of 3 dimensions"):
        client.embeddings.create(model="vectors", input="abc", dimensions=2)
    with pytest.raises(openai.BadRequestError, match="token ids are not supported"):
        client.embeddings.create(model="vectors", input=[1, 2])


def test_rerank(gateway, ask):
    documents = ["abcdefgh", {"text": "abc"}, "ab", "abcd"]
    body = {"model": "ranker", "query": "abc", "documents": documents, "return_documents": True, "top_n": 3}
    status, _, found = ask(f"{gateway.url}/v1/rerank", body)
    assert status == 200
    # Equal ones stay in order.
    assert [(each["index"], each["relevance_score"]) for each in found["results"]] == [(1, 1.0), (2, 0.5), (3, 0.5)]
    assert [each["document"]["text"] for each in found["results"]] == ["abc", "ab", "abcd"]
    for change, message in (
        ({"documents": []}, "documents must be"),
        ({"top_n": 0}, "top_n must be at least 1"),
        ({"model": "vectors"}, "'vectors' cannot put documents in order"),
        ({"max_chunks_per_doc": 3}, "max_chunks_per_doc is not known"),
    ):
        status, _, found = ask(f"{gateway.url}/v1/rerank", {**body, **change})
        assert status == 400 and message in found["message"]


@pytest.mark.parametrize(
    ("change", "param", "message"),
    [
        ({"max_tokens": 25}, "max_tokens", "between 1 and 24"),
        ({"max_tokens": True}, "max_tokens", "must be an integer"),
        ({"temperature": -1}, "temperature", "temperature must be between 0.0 and 100.0"),
        ({"seed": 2**31}, "seed", "32 bits"),
        ({"n": 2}, "n", "n=2 is not supported"),
        ({"logprobs": 3}, "logprobs", "not supported"),
        ({"stop": [""]}, "stop", "cannot be a stop string"),
        ({"stop": ["x" * 1025]}, "stop", "at most 1024 bytes"),
        ({"prompt": [1, 2]}, "prompt", "token ids"),
        ({"so_far": "1 2"}, "so_far", "so_far is not known"),
        ({"colour": "red"}, "colour", "colour is not known"),
        ({"model": "vectors"}, "model", "'vectors' cannot continue a text"),
        ({"stream_options": {"include_usage": True}}, "stream_options", "for streams"),
    ],
)
def test_what_is_not_supported_is_named(client, change, param, message):
    for stream in (False, True):
        if stream and param == "stream_options":
            continue
        with pytest.raises(openai.BadRequestError, match=message) as caught:
            client.post(
                "/completions",
                body={"model": "writer", "prompt": "low", "stream": stream, **change},
                cast_to=object,
            )
        assert caught.value.param == param and caught.value.type == "invalid_request_error"


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ([], "at least one message"),
        (PLAIN[:3], "last message must be the user's"),
        (PLAIN[:1], "last message must be the user's"),
        ([{"role": "system", "content": ""}, *PLAIN[1:]], "is empty; leave it out"),
        ([PLAIN[1], PLAIN[1]], "message 1 is the user's where the assistant's is due"),
        ([PLAIN[1], PLAIN[2], PLAIN[0], PLAIN[3]], "message 2 is the system's"),
        ([{"role": "tool", "content": "x"}], "role 'tool'"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], "no text ..image_url"),
        ([{"role": "user", "content": "a\x1eb"}, *PLAIN[2:]], "U.001E"),
        ([{"role": "user", "content": "a", "name": "Ann"}], "name is not supported"),
    ],
)
def test_conversations_that_no_template_can_write(client, messages, message):
    with pytest.raises(openai.BadRequestError, match=message):
        client.chat.completions.create(model="writer", messages=messages)


def test_a_template_without_a_system():
    for role in ("system", "developer"):
        with pytest.raises(ApiError, match="takes no message of the system") as caught:
            conversation_inputs([{"role": role, "content": "low"}, *PLAIN[1:]], {"user", "history", "seed"})
        assert (caught.value.status, caught.value.param) == (400, "messages[0].role")
    expected = {"history": "the quick é\x1efox", "user": "slower, low"}
    assert conversation_inputs(PLAIN[1:], {"user", "history", "seed"}) == expected
    assert conversation_inputs(PLAIN, {"user", "history", "system"}) == {**expected, "system": "low\n"}


@pytest.mark.long
def test_a_served_template_without_a_system(start, tmp_path):
    generator = make_generator(chat_template=NO_SYSTEM)
    save_generator(generator, tmp_path / "strict" / "1")
    with LocalServer(tmp_path / "strict") as server:
        gateway, _ = start(("strict",), server.grpc_address)
        with gateway, openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0) as client:
            with pytest.raises(openai.BadRequestError, match="takes no message of the system") as caught:
                client.chat.completions.create(model="strict", messages=PLAIN)
            assert caught.value.param == "messages[0].role"
            found = client.chat.completions.create(model="strict", messages=PLAIN[1:], seed=1)
            assert found.choices[0].message.content == generator.chat(PLAIN[1:], seed=1)
