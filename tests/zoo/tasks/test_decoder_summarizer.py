"""Summarizers over a decoder: what transformers generates after text and separator, what was learnt, refusals."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
import transformers
from tiny_byte_pair import gpt2_tokenizer, write_tokenizer
from tiny_decoder_summarizer import NEW, POSITIONS, TEXTS, make_decoder_summarizer

import zoo
from zoo.data import JoinedPairBatches
from zoo.errors import UserError
from zoo.tasks import DecoderSummarizationSettings, DecoderSummarizer
from zoo.tasks.decoder_summarizer import SUMMARY_TOKEN
from zoo.training import TokenCrossEntropy

SEPARATOR = "\nTL;DR:"
ARTICLES = ["the quick brown fox jumps", "low", "it's slow, slower in Köln 123", "dog fox dog fox", "x y", "é 😀"]


@pytest.fixture(scope="module")
def summarizer():
    return make_decoder_summarizer()


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """A GPT-2 of transformers with its tokenizer, and what `zoo.load` makes of its directory."""
    directory = tmp_path_factory.mktemp("gpt2")
    config = transformers.GPT2Config(
        vocab_size=300, n_embd=32, n_layer=2, n_head=4, n_positions=64, bos_token_id=0, eos_token_id=0
    )
    model = transformers.GPT2LMHeadModel(config).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for path, weight in model.named_parameters():
            if weight.ndim == 2:
                weight.copy_((1.0 if "wte" in path else 0.4) * torch.randn(weight.shape, generator=generator))
        # The end comes now and then.
        model.transformer.wte.weight[0] *= 1.8
    model.save_pretrained(directory)
    tokenizer = write_tokenizer(directory, gpt2_tokenizer(), "gpt2")
    return model, tokenizer, zoo.load(directory)


@pytest.mark.usefixtures("untraced_tasks")
@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"num_beams": 1, "do_sample": False}, {"num_beams": 1}),
        ({"num_beams": 4, "early_stopping": "never", "length_penalty": 0.6}, {"length_penalty": 0.6}),
        ({"num_beams": 3, "early_stopping": True, "min_new_tokens": 5}, {"stopping": "first", "min_new_tokens": 5}),
    ],
    ids=["greedy", "beams", "first"],
)
def test_summaries_are_what_transformers_generates_after_the_separator(pretrained, theirs, ours):
    model, tokenizer, generator = pretrained
    options = {"num_beams": theirs["num_beams"], "no_repeat_ngram_size": 0, "max_tokens_offset": 50, **ours}
    settings = DecoderSummarizationSettings(separator=SEPARATOR, max_new_tokens=16, max_source_length=20, **options)
    task = DecoderSummarizer(generator.model, generator.tokenizer, settings)
    separator = tokenizer(SEPARATOR)["input_ids"]
    assert task.separator_ids == tuple(separator) and len(separator) > 1
    lengths = set()
    texts = [*ARTICLES, " ".join(ARTICLES)]
    for text, (found,) in zip(texts, task.n_best(texts, 1), strict=True):
        tokens = tokenizer(text)["input_ids"]
        read = [*tokens[: 20 - len(separator)], *separator]
        with torch.no_grad():
            expected = model.generate(
                torch.tensor([read]),
                attention_mask=torch.ones(1, len(read), dtype=torch.long),
                max_new_tokens=16,
                pad_token_id=0,
                output_scores=True,
                return_dict_in_generate=True,
                **theirs,
            )
        written = expected.sequences[0, len(read) :]
        assert found.text == tokenizer.decode(written, skip_special_tokens=True)
        assert found.truncated == (len(tokens) > 20 - len(separator))
        if theirs["num_beams"] > 1:
            assert found.score == pytest.approx(float(expected.sequences_scores[0]), abs=1e-4)
        lengths.add(len(written))
    assert found.truncated and len(lengths) > 1


@pytest.mark.usefixtures("untraced_tasks")
def test_scores_are_means_over_the_tokens_written(summarizer):
    """Rows of different limits in one batch: padding is no end token, though it has the same number."""
    limits = [4, NEW, 7, NEW]
    found = summarizer.with_settings(num_beams=1).predict_batch(
        tf.constant(["the slow fox", "lower", "the", "quick"]), max_new_tokens=tf.constant(limits)
    )
    tokenizer = summarizer.tokenizer
    for index, text in enumerate(["the slow fox", "lower", "the", "quick"]):
        tokens = [*tokenizer.encode([text]).to_list()[0], tokenizer.token_to_id(SUMMARY_TOKEN)]
        total, said, bigrams = 0.0, [], set()
        while len(said) < limits[index] and tokenizer.eos_id not in said:
            logits = np.asarray(summarizer.model({"token_ids": np.array([tokens + said])}), "float64")[0, -1]
            log_p = logits - np.log(np.exp(logits).sum())
            allowed = log_p[: tokenizer.vocabulary_size].copy()
            allowed[[token for first, token in bigrams if said and first == said[-1]]] = -np.inf
            best = int(allowed.argmax())
            total += log_p[best]
            if said:
                bigrams.add((said[-1], best))
            said.append(best)
        assert found["text"].numpy()[index] == tokenizer.decode([said]).numpy()[0]
        assert found["score"].numpy()[index] == pytest.approx(total / len(said), abs=1e-4)


def test_blank_texts_and_batches(summarizer):
    found = summarizer.n_best(TEXTS, 1)
    assert [row[0][:2] for row in found[1:3]] == [("", 0.0)] * 2
    assert [row[0].truncated for row in found] == [text == "low " * 30 for text in TEXTS]
    assert [row[0].text for row in found] == summarizer(TEXTS) == [summarizer(text) for text in TEXTS]
    assert len({row[0].text for row in found}) > 4
    assert summarizer([]) == [] and summarizer.n_best([], 1) == []
    assert set(summarizer.controls) == {"max_new_tokens", "min_new_tokens", "length_penalty"}
    kept = "low " * 30
    tokens = summarizer.tokenizer.encode([kept]).to_list()[0]
    beginning = summarizer.tokenizer.decode([tokens[: POSITIONS - NEW - 1]]).numpy()[0].decode()
    assert summarizer(kept) == summarizer(beginning) and not summarizer.n_best(beginning, 1)[0].truncated


@pytest.mark.usefixtures("untraced_tasks")
def test_what_it_has_learnt_comes_back():
    pairs = [("the quick brown fox", "a fox"), ("slow and low", "low"), ("lower, lowest", "a low"), ("é 😀", "中国")]
    task = make_decoder_summarizer(no_repeat_ngram_size=0, num_beams=1)
    model, tokenizer = task.model, task.tokenizer

    def encode(texts):
        return tokenizer.encode(texts).to_list()

    batches = JoinedPairBatches(
        pairs,
        encode,
        encode,
        separator_ids=task.separator_ids,
        eos_id=tokenizer.eos_id,
        pad_id=tokenizer.pad_id,
        batch_size_tokens=256,
        max_source_length=24,
        max_target_length=12,
    )
    ((x, labels, weights),) = batches.epoch(0)
    model.compile(optimizer=keras.optimizers.Adam(1e-2), loss=TokenCrossEntropy())
    model.fit(x, labels, sample_weight=weights, epochs=60, verbose=0, batch_size=4, shuffle=False)
    assert task([text for text, _ in pairs]) == [summary for _, summary in pairs]
    assert all(row[0].score > -0.1 for row in task.n_best([text for text, _ in pairs], 1))


@pytest.mark.usefixtures("untraced_tasks")
def test_presets_come_back(summarizer, tmp_path):
    changed = summarizer.with_settings(separator="<|endoftext|>", num_beams=2, max_new_tokens=7)
    assert changed.separator_ids == (summarizer.tokenizer.eos_id,)
    changed.save(tmp_path)
    again = zoo.load(tmp_path)
    assert isinstance(again, zoo.DecoderSummarizer) and isinstance(again, zoo.Summarizer)
    assert again.settings == changed.settings and again.examples == ["the quick", "low"]
    assert again(TEXTS) == changed(TEXTS) != summarizer(TEXTS)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"separator": "<|sum|>"}, r"separator '<\|sum\|>' is no special token of the tokenizer, which has <\|endoft"),
        ({"separator": ""}, "separator must be a special token or a text, got ''"),
        ({"start_token_id": 3}, "start_token_id is for encoder-decoders"),
        ({"source_suffix_ids": (3,)}, "source_suffix_ids is for encoder-decoders"),
        ({"max_new_tokens": 39}, r"the model has 40 positions, .* max_new_tokens \(39\), 1 special tokens and a text"),
        ({"separator": SEPARATOR, "max_source_length": 5}, r"max_source_length \(5\) must exceed its [6-9] special"),
        ({"source_prefix_ids": (0, 1, 2), "max_source_length": 4}, r"max_source_length \(4\) must exceed its 4"),
    ],
)
def test_impossible_settings_are_named(summarizer, settings, message):
    with pytest.raises(UserError, match=message):
        summarizer.with_settings(**settings)


def test_tokenizer_and_model_must_belong_together(summarizer):
    small = zoo.models.GPT2(10, hidden_dim=8, intermediate_dim=8, num_heads=1, num_layers=1, max_sequence_length=999)
    with pytest.raises(UserError, match="286 tokens but the model 10"):
        DecoderSummarizer(small, summarizer.tokenizer)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_give_the_same_summaries(on_backend, backend):
    expected, found = on_backend("tensorflow")["summaries"], on_backend(backend)["summaries"]
    for (mine,), (theirs,) in zip(found, expected, strict=True):
        assert mine[1] == pytest.approx(theirs[1], abs=1e-3)
        assert [mine[0], mine[2]] == [theirs[0], theirs[2]]
