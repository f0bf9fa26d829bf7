"""Sentence embeddings beside sentence-transformers; presets, exports, and what is refused."""

import json
import shutil

import keras
import numpy as np
import pytest
import sentence_transformers
import torch
from tiny_sentence_transformers import make_directory

import zoo
from export.ask import main as ask
from export.export_command import main as export_command
from zoo.convert.conversion import convert
from zoo.errors import UserError
from zoo.models import SentenceEncoder
from zoo.tasks import EmbeddingSettings, TextEmbedder

TEXTS = ["a b c", "", "abc def", "j" * 9 + " a b c d e f g h i j a b c d", "b", "??? a"]
SHAPES = {
    "mean": dict(pooling_mode="mean", normalize=True),
    "cls": dict(pooling_mode="cls", dense=[(7, torch.nn.Tanh())]),
    "max_and_mean": dict(pooling_mode=["max", "mean"], normalize=True, truncate_dim=5),
    "sqrt": dict(pooling_mode="mean_sqrt_len_tokens", dense=[(8, torch.nn.Identity()), (6, torch.nn.ReLU())]),
    "weighted": dict(pooling_mode="weightedmean", layer_norm=True, normalize=True),
    "last": dict(pooling_mode="lasttoken"),
}


@pytest.fixture(scope="module")
def directories(tmp_path_factory):
    return tmp_path_factory.mktemp("sentence_transformers")


@pytest.fixture(scope="module", params=SHAPES)
def pair(request, directories):
    return make_directory(directories / request.param, **SHAPES[request.param])


@pytest.fixture(scope="module")
def mean(directories):
    return make_directory(directories / "another", **SHAPES["mean"])


@pytest.mark.usefixtures("untraced_tasks")
def test_vectors_are_those_of_sentence_transformers(pair):
    directory, reference = pair
    embedder = zoo.load(directory)
    for prompt in ("", "query"):
        expected = reference.encode(TEXTS, prompt_name=prompt or None)
        found = embedder(TEXTS, prompt=prompt, batch_size=2)
        assert found.shape == expected.shape and found.dtype == "float32"
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * max(1, np.abs(expected).max()))
    np.testing.assert_allclose(embedder(TEXTS[0]), reference.encode(TEXTS[0]), rtol=0, atol=1e-5)
    assert embedder([]).shape == (0, expected.shape[1])


@pytest.mark.usefixtures("untraced_tasks")
@pytest.mark.parametrize("similarity", ["cosine", "dot", "euclidean", "manhattan"])
def test_similarities_are_those_of_sentence_transformers(mean, similarity):
    directory, reference = mean
    embedder = zoo.load(directory).with_settings(similarity=similarity)
    reference.similarity_fn_name = similarity
    expected = reference.similarity_pairwise(reference.encode(TEXTS), reference.encode(TEXTS[::-1])).numpy()
    reference.similarity_fn_name = "cosine"
    assert embedder.similarity(TEXTS, TEXTS[::-1]) == pytest.approx(expected, abs=1e-5)
    assert embedder.similarity(TEXTS[0], TEXTS[-1]) == pytest.approx(expected[0], abs=1e-5)


@pytest.mark.usefixtures("untraced_tasks")
def test_presets_and_keras_files(pair, tmp_path):
    embedder = zoo.load(pair[0])
    embedder.save(tmp_path / "preset")
    again = zoo.load(tmp_path / "preset")
    assert isinstance(again, TextEmbedder) and again.settings == embedder.settings
    np.testing.assert_allclose(again(TEXTS), embedder(TEXTS), rtol=0, atol=1e-6)
    embedder.model.save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    inputs = {"token_ids": np.array([[2, 5, 6, 3, 0]]), "padding_mask": np.array([[1, 1, 1, 1, 0]])}
    np.testing.assert_allclose(model(inputs), embedder.model(inputs), rtol=0, atol=1e-6)


def test_a_row_without_tokens_has_no_nan(mean):
    model = zoo.load(mean[0]).model
    for pooling in ("first", "last", "max", "mean", "mean_sqrt_len", "weighted_mean"):
        sentences = SentenceEncoder(model.encoder, poolings=[pooling])
        found = sentences({"token_ids": np.zeros((1, 3), "int32"), "padding_mask": np.zeros((1, 3), "int32")})
        assert np.isfinite(np.asarray(found)).all(), pooling


def test_exports_answer_texts_with_vectors(mean, one_server, tmp_path, capsys):
    directory, reference = mean
    zoo.load(directory).save(tmp_path / "preset")
    served = tmp_path / "serving"
    export_command([str(tmp_path / "preset"), str(served)])
    one_server(served)
    capsys.readouterr()
    ask([str(served), *TEXTS[:3], "--set", "prompt=query"])
    answers = [json.loads(line.split("REST")[1]) for line in capsys.readouterr().out.splitlines() if "  REST " in line]
    expected = reference.encode(TEXTS[:3], prompt_name="query")
    found = [each["embedding"] if isinstance(each, dict) else each for each in answers]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    ask([str(served), f"text={TEXTS[0]}", f"text_pair={TEXTS[2]}", "--signature", "similarity"])
    (found,) = [json.loads(line.split("REST")[1]) for line in capsys.readouterr().out.splitlines() if "  REST " in line]
    score = found["score"] if isinstance(found, dict) else found
    assert score == pytest.approx(reference.similarity(*reference.encode([TEXTS[0], TEXTS[2]])).item(), abs=1e-5)


def test_unknown_prompts_and_settings_are_refused(mean):
    embedder = zoo.load(mean[0])
    with pytest.raises(UserError, match="prompt must be one of '', 'document', 'query', got 'other'"):
        embedder(TEXTS, prompt="other")
    with pytest.raises(UserError, match="truncate_dim 13 is more than the model's 12 entries"):
        embedder.with_settings(truncate_dim=13)
    for name, value in (("similarity", "angle"), ("truncate_dim", 0), ("default_prompt", "x"), ("prompts", {"": "x"})):
        with pytest.raises(UserError, match=name):
            EmbeddingSettings(**{name: value})


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("modules.json", lambda content: content[:1], "the modules Transformer are not supported; supported are"),
        (
            "modules.json",
            lambda content: [*content, {"path": "x", "type": "sentence_transformers.models.CNN"}],
            "the modules Transformer, Pooling, Normalize, CNN are not supported",
        ),
        ("modules.json", lambda content: {}, "modules.json is damaged: it is no list of modules"),
        ("1_Pooling/config.json", lambda content: {**content, "pooling_mode": "median"}, "it names no pooling of cls"),
        (
            "1_Pooling/config.json",
            lambda content: {**content, "include_prompt": False},
            "include_prompt false is not supported beside prompts",
        ),
        (
            "config_sentence_transformers.json",
            lambda content: {**content, "similarity_fn_name": "angle"},
            "similarity_fn_name 'angle' is not supported",
        ),
        (
            "sentence_bert_config.json",
            lambda content: {**content, "do_lower_case": True},
            "do_lower_case true is not supported",
        ),
        *(
            (
                "sentence_bert_config.json",
                lambda content, value=value: {**content, **value},
                f"{next(iter(value))} .*not",
            )
            for value in (
                {"tokenizer_args": {"model_max_length": 4}},
                {"config_kwargs": {"num_hidden_layers": 1}},
                {"model_kwargs": {"subfolder": "another"}},
                {"tokenizer_name_or_path": "another"},
                {"modality_config": {"text": {"method": "forward", "method_output_name": "pooler_output"}}},
                {"module_output_name": "sentence_embedding"},
            )
        ),
    ],
)
def test_directories_that_cannot_be_followed_are_refused(directories, mean, file, change, message, tmp_path):
    directory = tmp_path / "copy"
    shutil.copytree(mean[0], directory)
    content = json.loads((directory / file).read_text())
    (directory / file).write_text(json.dumps(change(content)))
    with pytest.raises(UserError, match=message):
        zoo.load(directory)


def test_arguments_without_effect_are_left_alone(mean, tmp_path):
    directory = tmp_path / "copy"
    shutil.copytree(mean[0], directory)
    path = directory / "sentence_bert_config.json"
    further = {"model_args": {"attn_implementation": "eager", "torch_dtype": "bfloat16"}, "tokenizer_args": {}}
    path.write_text(json.dumps({**json.loads(path.read_text()), **further}))
    assert zoo.load(directory).settings == zoo.load(mean[0]).settings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"activation_function": "another.package.Tanh"},
            "activation_function 'another.package.Tanh' is not supported",
        ),
        ({"module_input_name": "token_embeddings"}, "module_input_name 'token_embeddings' is not supported"),
    ],
)
def test_a_dense_layer_that_cannot_be_followed_is_refused(directories, changes, message, tmp_path):
    made, _ = make_directory(directories / f"dense-{next(iter(changes))}", "mean", dense=[(7, torch.nn.Tanh())])
    path = made / "2_Dense" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(UserError, match=message):
        zoo.load(made)


@pytest.mark.usefixtures("untraced_tasks")
def test_fewer_bits_are_those_of_sentence_transformers(pair, tmp_path):
    embedder = zoo.load(pair[0])
    embedder = embedder.with_settings(truncate_dim=None) if embedder.settings.truncate_dim else embedder
    vectors = embedder(TEXTS)
    embedder = embedder.calibrated(TEXTS)
    ranges = np.vstack([vectors.min(axis=0), vectors.max(axis=0)])
    np.testing.assert_array_equal(np.array(embedder.settings.ranges, "float32"), ranges)
    for precision in ("int8", "uint8", "binary", "ubinary"):
        if "binary" in precision:
            embedder = embedder.with_settings(truncate_dim=vectors.shape[1] // 8 * 8 or None)
            if embedder.embedding_dim % 8:
                continue
        cut = vectors[:, : embedder.embedding_dim]
        expected = sentence_transformers.quantize_embeddings(cut, precision, ranges[:, : embedder.embedding_dim])
        found = embedder.with_settings(precision=precision)(TEXTS)
        assert found.dtype == expected.dtype and found.shape == expected.shape
        # An entry at a level's edge may fall to either side of it by rounding.
        assert np.abs(found.astype(int) - expected).max() <= (1 if precision in ("int8", "uint8") else 0)
        assert np.mean(found != expected) < 0.03
    stored = embedder.with_settings(precision="int8", truncate_dim=4)
    stored.save(tmp_path / "preset")
    again = zoo.load(tmp_path / "preset")
    assert again.settings == stored.settings
    np.testing.assert_array_equal(again(TEXTS), stored(TEXTS))
    assert again.similarity(TEXTS[0], TEXTS[2]) == pytest.approx(
        embedder.with_settings(truncate_dim=4).similarity(TEXTS[0], TEXTS[2]), abs=1e-6
    )


@pytest.mark.usefixtures("untraced_tasks")
def test_levels_do_not_wrap_around(mean):
    """Entries beyond the ranges of calibration have the last level."""
    embedder = zoo.load(mean[0])
    half = 0.5 * embedder(TEXTS)
    narrow = embedder.with_settings(ranges=(half.min(axis=0).tolist(), half.max(axis=0).tolist()), precision="uint8")
    found, vectors = narrow(TEXTS), embedder(TEXTS)
    assert (found[vectors > half.max(axis=0)] == 255).all() and (found[vectors < half.min(axis=0)] == 0).all()


@pytest.mark.usefixtures("untraced_tasks")
def test_directories_are_written_for_sentence_transformers(pair, tmp_path):
    """From a preset and from such a directory itself."""
    embedder = zoo.load(pair[0])
    embedder.save(tmp_path / "preset")
    for number, source in enumerate((tmp_path / "preset", pair[0])):
        target = tmp_path / f"written_{number}"
        assert convert(source, target, to="hugging-face") == f"{target}: a directory of sentence-transformers"
        written = sentence_transformers.SentenceTransformer(str(target), device="cpu")
        assert written.prompts == embedder.settings.prompts and written.max_seq_length == embedder.max_source_length
        for prompt in ("", "query"):
            expected = embedder(TEXTS, prompt=prompt)
            found = written.encode(TEXTS, prompt_name=prompt or None)
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * max(1, np.abs(expected).max()))
        again = zoo.load(target)
        assert again.settings == embedder.settings
        np.testing.assert_allclose(again(TEXTS), embedder(TEXTS), rtol=0, atol=1e-6 * max(1, np.abs(expected).max()))


def test_what_is_not_written_is_said(mean, tmp_path):
    zoo.load(mean[0]).calibrated(TEXTS).with_settings(precision="int8").save(tmp_path / "preset")
    message = convert(tmp_path / "preset", tmp_path / "written", to="hugging-face")
    assert "without its precision int8 and the ranges of its entries" in message


def test_precisions_that_cannot_be_are_refused(mean):
    embedder = zoo.load(mean[0])
    for changes, message in (
        ({"precision": "int4"}, "precision must be one of float32, int8, uint8, binary, ubinary, got 'int4'"),
        ({"precision": "int8"}, "precision int8 needs the ranges of entries; embedder.calibrated"),
        ({"precision": "ubinary"}, "precision ubinary needs a number of entries that 8 divides, not 12"),
        ({"ranges": ([0.0], [1.0])}, "ranges are of 1 entries, and vectors have 12"),
        ({"ranges": ([0.0],)}, "ranges must be two sequences"),
    ):
        with pytest.raises(UserError, match=message):
            embedder.with_settings(**changes)
    with pytest.raises(UserError, match="calibration needs texts"):
        embedder.calibrated(["a"])


@pytest.mark.parametrize(("precision", "changes"), [("int8", {}), ("ubinary", {"truncate_dim": 8})])
def test_exports_answer_in_fewer_bits(mean, one_server, precision, changes, tmp_path, capsys):
    embedder = zoo.load(mean[0]).calibrated(TEXTS)
    embedder.save(tmp_path / "preset")
    served = tmp_path / "served"
    more = [f"{name}={value}" for name, value in changes.items()]
    export_command([str(tmp_path / "preset"), str(served), "--set", f"precision={precision}", *more])
    one_server(served)
    capsys.readouterr()
    ask([str(served), TEXTS[2]])
    lines = capsys.readouterr().out.splitlines()
    (found,) = [json.loads(line.split("REST")[1]) for line in lines if "  REST " in line]
    expected = embedder.with_settings(precision=precision, **changes)(TEXTS[2]).tolist()
    assert (found["embedding"] if isinstance(found, dict) else found) == expected
