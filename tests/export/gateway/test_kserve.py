"""KServe's V2 protocol, by the gateway and by the local server."""

import pytest


@pytest.fixture(params=["gateway", "local server"])
def url(request, gateway, server):
    return f"{gateway.url if request.param == 'gateway' else server.rest_url}/v2"


def tensor(name, datatype, *data):
    return {"name": name, "datatype": datatype, "shape": [len(data)], "data": list(data)}


def test_health_and_metadata(url, ask):
    assert ask(f"{url}/health/live")[::2] == (200, {"live": True})
    assert ask(f"{url}/health/ready")[::2] == (200, {"ready": True})
    assert ask(url)[2]["name"] == "keras-transformer-zoo"
    assert ask(f"{url}/models/ranker/versions/1/ready")[::2] == (200, {"name": "ranker", "ready": True})
    assert ask(f"{url}/models/ranker/versions/2/ready")[::2] == (503, {"name": "ranker", "ready": False})
    status, _, found = ask(f"{url}/models/ranker")
    text = {"datatype": "BYTES", "shape": [-1]}
    assert (status, found) == (
        200,
        {
            "name": "ranker",
            "versions": ["1"],
            "platform": "tensorflow_savedmodel",
            "inputs": [{"name": "text", **text}, {"name": "text_pair", **text}],
            "outputs": [
                {"name": "score", "datatype": "FP32", "shape": [-1]},
                {"name": "value", "datatype": "FP32", "shape": [-1]},
            ],
        },
    )
    assert ask(f"{url}/models/nobody")[0] == 404 and "error" in ask(f"{url}/models/nobody")[2]


def test_infer(url, ask, generator):
    body = {"id": "7", "inputs": [tensor("text", "BYTES", "éa", "")], "outputs": [{"name": "embedding"}]}
    status, _, found = ask(f"{url}/models/vectors/infer", body)
    assert status == 200
    data = [3.0, 1.0, -3.0, 0.0, 0.0, 0.0]
    (embedding,) = found.pop("outputs")
    assert found == {"model_name": "vectors", "model_version": "1", "id": "7"}
    assert {**embedding, "data": list(map(abs, embedding["data"]))} == {
        "name": "embedding",
        "datatype": "FP32",
        "shape": [2, 3],
        "data": list(map(abs, data)),
    }
    body = {
        "parameters": {"signature_name": "generate"},
        "inputs": [tensor("text", "BYTES", "low"), tensor("seed", "INT32", 5), tensor("top_p", "FP32", 0.9)],
        "outputs": [{"name": "text"}],
    }
    (text,) = ask(f"{url}/models/writer/versions/1/infer", body)[2]["outputs"]
    assert text == tensor("text", "BYTES", generator("low", seed=5, top_p=0.9))


@pytest.mark.parametrize(
    ("model", "body", "message"),
    [
        ("vectors", b"{", "is not JSON"),
        ("vectors", b"[]", "must be a JSON object"),
        ("vectors", {"inputs": 3}, "must be a list"),
        ("vectors", {"inputs": []}, "needs the input 'text'"),
        ("vectors", {"inputs": [tensor("words", "BYTES", "a")]}, "no input 'words'"),
        ("vectors", {"inputs": [tensor("text", "FP32", 1.0)]}, "takes BYTES"),
        ("vectors", {"inputs": [tensor("text", "BYTES", 1)]}, "1 is no BYTES"),
        ("vectors", {"inputs": [tensor("text", "BYTES", "\ud800")]}, "is no BYTES"),
        ("vectors", {"inputs": [{**tensor("text", "BYTES", "a"), "shape": [2]}]}, "its shape [2] needs 2"),
        ("vectors", {"inputs": [tensor("text", "BYTES", "a")], "outputs": [{"name": "x"}]}, "must name some of"),
        ("vectors", {"parameters": {"signature_name": "x"}, "inputs": []}, "no signature 'x'"),
        ("vectors", {"parameters": 3, "inputs": []}, "parameters must be an object"),
        (
            "writer",
            {
                "parameters": {"signature_name": "generate"},
                "inputs": [tensor("text", "BYTES", "a"), tensor("seed", "INT32", 2**31)],
            },
            "2147483648 is no INT32",
        ),
        ("ranker", {"inputs": [tensor("text", "BYTES", "a", "b", "c"), tensor("text_pair", "BYTES", "a", "b")]}, ""),
    ],
)
def test_bad_requests(url, ask, model, body, message):
    status, _, found = ask(f"{url}/models/{model}/infer", body)
    assert status == 400 and set(found) == {"error"} and message in found["error"]


def test_binary_tensors_are_refused(url, ask):
    headers = {"Inference_Header_Content_Length": "10"}
    status, _, found = ask(f"{url}/models/vectors/infer", {"inputs": []}, **headers)
    assert status == 400 and "binary_data=False" in found["error"]
