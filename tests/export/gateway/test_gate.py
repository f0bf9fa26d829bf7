"""Keys, limits, sizes, logs, counters, and servers that fail."""

import json
import threading
from concurrent import futures

import grpc
import openai
import pytest
from tensorflow_serving.apis import prediction_service_pb2_grpc

from export.gateway.__main__ import main
from export.gateway.rate_limit import RateLimit
from export.serve.grpc_services import PredictionService

SECRET = "slower fox in the text"


@pytest.fixture
def keys(tmp_path):
    path = tmp_path / "keys.txt"
    path.write_text("# of the team\nann sk-1\n\nsk-2\n")
    return path


def test_keys_sizes_and_limits(start, keys, ask, monkeypatch):
    # However long a request takes, the limit is reached.
    monkeypatch.setattr("export.gateway.gateway.RateLimit", lambda most: RateLimit(most, clock=lambda: 0.0))
    gateway, lines = start(api_keys=keys, requests_per_minute=4, max_body_bytes=2000)
    body = {"model": "writer", "prompt": SECRET, "max_tokens": 2}
    with gateway:
        url = f"{gateway.url}/v1/completions"
        for headers in ({}, {"Authorization": "Bearer sk-3"}, {"Authorization": "sk-1"}, {"X_Api_Key": ""}):
            status, answered, found = ask(url, body, **headers)
            assert status == 401 and found["error"]["code"] == "invalid_api_key" and answered["WWW-Authenticate"]
        ann = {"Authorization": "Bearer sk-1"}
        assert ask(url, body, **ann)[0] == 200
        status, _, found = ask(url, {**body, "prompt": "x" * 2000}, **ann)
        assert status == 413 and found["error"]["code"] == "request_too_large"
        assert ask(f"{gateway.url}/v2/models/writer", **ann)[0] == 200
        assert ask(f"{gateway.url}/v1/nothing", **ann)[2]["error"]["type"] == "invalid_request_error"
        status, headers, found = ask(url, body, **ann)
        assert status == 429 and found["error"]["code"] == "rate_limit_exceeded" and int(headers["Retry-After"]) == 15
        assert ask(url, body, X_Api_Key="sk-2")[0] == 200
        # Probes have no key.
        assert ask(f"{gateway.url}/v2/health/ready")[0] == 200
        counted = ask(f"{gateway.url}/metrics")[2]
        assert 'gateway_requests_total{route="/v1/completions",status="200"} 2.0' in counted
        assert 'gateway_server_calls_total{code="OK",signature="generate"} 2.0' in counted
        assert 'gateway_tokens_total{kind="answer"}' in counted
        assert (
            ask(f"{gateway.url}/v1/models", method="OPTIONS", Origin="https://a.org")[1]["Access-Control-Allow-Origin"]
            is None
        )
    assert SECRET not in json.dumps(lines) and "sk-" not in json.dumps(lines)
    answered = [line for line in lines if line["route"] == "/v1/completions" and line["status"] == 200]
    assert [line["key"] for line in answered] == ["ann", "key4"]
    assert all(line["model"] == "writer" and line["completion_tokens"] <= 2 for line in answered)
    assert all(line["milliseconds"] >= 0 and line["request_id"] for line in lines)


def test_origins(start, ask):
    gateway, _ = start(allow_origins=("https://a.org",))
    with gateway:
        for origin, allowed in (("https://a.org", "https://a.org"), ("https://b.org", None)):
            _, headers, _ = ask(f"{gateway.url}/v1/models", Origin=origin)
            assert headers["Access-Control-Allow-Origin"] == allowed


def test_a_body_whose_length_nobody_says(start):
    import http.client

    gateway, _ = start(max_body_bytes=1000)
    with gateway:
        connection = http.client.HTTPConnection(gateway.url.removeprefix("http://"), timeout=60)
        connection.request("POST", "/v1/completions", iter([b"x" * 600] * 3), encode_chunked=True)
        response = connection.getresponse()
        assert response.status == 413 and json.load(response)["error"]["code"] == "request_too_large"
        connection.close()


class Failing(PredictionService):
    """A server that answers as another one, but for some calls."""

    def __init__(self, manager, fail):
        super().__init__(manager)
        self.calls, self._fail, self._lock = 0, fail, threading.Lock()

    def Predict(self, request, context):
        with self._lock:
            self.calls += 1
            code = self._fail(self.calls)
        if code is not None:
            context.abort(code, "the server is going away")
        return super().Predict(request, context)


@pytest.fixture
def failing(server):
    """Starts a server that fails as a function of the number of a call says; returns the service and its address."""
    servers = []

    def started(fail):
        running = grpc.server(futures.ThreadPoolExecutor(4))
        service = Failing(server.manager, fail)
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(service, running)
        port = running.add_insecure_port("127.0.0.1:0")
        running.start()
        servers.append(running)
        return service, f"127.0.0.1:{port}"

    yield started
    for running in servers:
        running.stop(0)


def seed_of_a_long_answer(generator, least):
    return next(seed for seed in range(50) if generator.samples("low", 1, seed=seed)[0].num_tokens >= least)


def test_a_server_that_is_away_for_a_moment_is_asked_again(start, failing, generator):
    service, address = failing(lambda call: grpc.StatusCode.UNAVAILABLE if call in (1, 3) else None)
    gateway, _ = start(address=address)
    seed = seed_of_a_long_answer(generator, 12)
    with gateway, openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0) as client:
        parts = client.completions.create(model="writer", prompt="low", seed=seed, stream=True)
        assert "".join(part.choices[0].text for part in parts) == generator("low", seed=seed)
    assert service.calls > 4


def test_a_server_that_dies_in_a_stream(start, failing, generator):
    service, address = failing(lambda call: None if call < 3 else grpc.StatusCode.INTERNAL)
    gateway, lines = start(address=address, tokens_at_a_time=4)
    seed = seed_of_a_long_answer(generator, 12)
    whole = generator("low", seed=seed)
    with gateway, openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0) as client:
        text = ""
        with pytest.raises(openai.APIError, match="going away"):
            for part in client.completions.create(model="writer", prompt="low", seed=seed, stream=True):
                assert part.choices[0].finish_reason is None
                text += part.choices[0].text
        # Nothing is repeated, and nothing comes after the error.
        assert text and whole.startswith(text) and text != whole and service.calls == 3
        with pytest.raises(openai.InternalServerError, match="going away"):
            client.completions.create(model="writer", prompt="low")
    assert lines[0]["completion_tokens"] == 5


def test_a_server_that_is_not_there(start, ask):
    gateway, _ = start(address="127.0.0.1:9", timeout_seconds=1.0)
    with gateway:
        status, _, found = ask(f"{gateway.url}/v1/completions", {"model": "writer", "prompt": "low"})
        assert status in (503, 504) and found["error"]["type"] == "server_error"
        assert ask(f"{gateway.url}/v2/health/ready")[::2] == (503, {"ready": False})
        assert ask(f"{gateway.url}/v2/health/live")[0] == 200


def test_rates():
    now = [0.0]
    limit = RateLimit(6, clock=lambda: now[0])
    assert [limit.seconds_to_wait("a") for _ in range(7)] == [0] * 6 + [10] and limit.seconds_to_wait("b") == 0
    now[0] = 9.5
    assert limit.seconds_to_wait("a") == 1
    now[0] = 10.5
    assert [limit.seconds_to_wait("a") for _ in range(2)] == [0, 10]
    assert not RateLimit(0).seconds_to_wait("a")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["localhost", "--models", "a"], "'localhost' is no address"),
        (["localhost:1", "--models", "a/b"], "--models"),
        (["localhost:1", "--models", "a", "--api-keys", "missing.txt"], "--api-keys: cannot read missing.txt"),
        (["localhost:1", "--models", "a", "--timeout-seconds", "0"], "--timeout-seconds"),
        (["localhost:1", "--models", "a", "--tokens-at-a-time", "0"], "--tokens-at-a-time must be at least 1"),
        (["localhost:1", "--models", "a", "--allow-origins", "a.org"], "--allow-origins"),
        (["localhost:1", "--models", "a", "--port", "70000"], "--port 70000"),
    ],
)
def test_mistakes_on_the_command_line(refused, arguments, message):
    assert message in refused(main, arguments)


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "holds no key"), ("a b c", "line 1"), ("a k\nb k", "line 2: this key is there already")],
)
def test_files_of_keys(refused, tmp_path, content, message):
    path = tmp_path / "keys.txt"
    path.write_text(content)
    assert message in refused(main, ["localhost:1", "--models", "a", "--api-keys", path])
