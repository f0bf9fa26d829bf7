"""Tasks as presets of KerasHub, by value against its own classes, and back; skipped without keras-hub."""

import numpy as np
import pytest
from keras import ops
from tiny_encoder_tasks import make_classifier, make_recognizer, make_tokenizer
from tiny_sentencepiece import GOOGLE, spiece

import zoo
from zoo.convert.conversion import convert
from zoo.errors import UserError
from zoo.models import GPT2, T5, Encoder, EncoderDecoder, MaskedTokenPredictor, SequenceClassifier
from zoo.tasks import (
    GenerationSettings,
    MaskedLanguageModel,
    SummarizationSettings,
    Summarizer,
    TextClassifier,
    TextGenerator,
    load_pretrained_encoder,
)
from zoo.tokenizers import BytePairTokenizer, SentencePieceTokenizer

keras_hub = pytest.importorskip("keras_hub")
pytestmark = pytest.mark.published

SIZES = dict(hidden_dim=12, intermediate_dim=20, num_heads=3, num_layers=2, max_sequence_length=30)
LABELS = ("no", "yes", "größe")
TEXTS = ["Marie Curie was born in Köln.", "slow and lower"]
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|endoftext|>")


def with_random_weights(model):
    model.build()
    rng = np.random.default_rng(3)
    for weight in model.weights:
        mean = float(weight.path.endswith(("gamma", "scale")))
        weight.assign(rng.normal(mean, 0.3, size=weight.shape))
    return model


@pytest.fixture(scope="module")
def byte_pairs():
    return BytePairTokenizer.train(["low lower lowest slow Marie Curie was born"] * 9, 280, SPECIAL)


def encoder(tokenizer, **options):
    return Encoder(tokenizer.vocabulary_size, **SIZES, **options)


def classifier(tokenizer, head, **options):
    return TextClassifier(
        with_random_weights(SequenceClassifier(encoder(tokenizer, **options), len(LABELS), **head)), tokenizer, LABELS
    )


def masked(tokenizer, mask, **options):
    model = with_random_weights(MaskedTokenPredictor(encoder(tokenizer, **options), activation="gelu"))
    return MaskedLanguageModel(model, tokenizer.reading_from_text([mask]))


def bart(tokenizer):
    size = tokenizer.vocabulary_size
    sizes = {**SIZES, "num_encoder_layers": 2, "num_decoder_layers": 2}
    del sizes["num_layers"]
    model = EncoderDecoder(
        size,
        size,
        **sizes,
        activation="gelu",
        attention_dropout=0.1,
        positions="learned",
        position_offset=2,
        embedding_norm=True,
        scale_embedding=False,
    )
    settings = SummarizationSettings(
        num_beams=1,
        max_new_tokens=6,
        max_source_length=20,
        start_token_id=tokenizer.eos_id,
        forced_first_token_id=tokenizer.bos_id,
        source_prefix_ids=(tokenizer.bos_id,),
    )
    return Summarizer(with_random_weights(model), tokenizer, settings=settings)


def t5(**options):
    tokenizer = SentencePieceTokenizer(spiece(GOOGLE))
    sizes = {**SIZES, "num_encoder_layers": 2, "num_decoder_layers": 2, "head_dim": 5}
    del sizes["num_layers"]
    model = T5(vocabulary_size=tokenizer.vocabulary_size + 3, **sizes, **options)
    settings = SummarizationSettings(
        num_beams=1,
        max_new_tokens=6,
        max_source_length=20,
        start_token_id=tokenizer.pad_id,
        suppressed_token_ids=tuple(range(tokenizer.vocabulary_size, tokenizer.vocabulary_size + 3)),
    )
    return Summarizer(with_random_weights(model), tokenizer, settings=settings)


def logits_of(task, inputs):
    """Logits of a task of ours for the inputs of KerasHub's."""
    if "encoder_token_ids" in inputs:
        return task.model(
            {
                "source_token_ids": inputs["encoder_token_ids"],
                "source_padding_mask": inputs["encoder_padding_mask"],
                "target_token_ids": inputs["decoder_token_ids"],
            }
        )
    given = {name: value for name, value in inputs.items() if name != "mask_positions"}
    if "mask_positions" in inputs:
        given["masked_positions"] = inputs["mask_positions"]
    return task.model(given)


def compare(task, directory, cls, atol=2e-5):
    """Writes a task; its logits equal those that KerasHub's class gives for the same texts, there and back."""
    from zoo.tasks.keras_hub import save_keras_hub_task

    notes = save_keras_hub_task(task, directory)
    theirs = cls.from_preset(str(directory))
    texts = [text.replace("slow", "slow [MASK] <mask>") for text in TEXTS]
    given = {"encoder_text": texts, "decoder_text": texts} if "encoder_token_ids" in theirs.input else texts
    inputs = theirs.preprocessor(given)
    inputs = inputs[0] if isinstance(inputs, tuple) else inputs
    inputs = {name: ops.convert_to_numpy(value) for name, value in inputs.items()}
    mask = next((inputs[name] for name in ("decoder_padding_mask",) if name in inputs), None)
    if mask is None and not isinstance(task, (TextClassifier, MaskedLanguageModel)):
        mask = inputs["padding_mask"]
    expected = ops.convert_to_numpy(theirs(inputs))
    for ours in (task, zoo.load(directory)):
        found = ops.convert_to_numpy(logits_of(ours, inputs))
        if mask is not None:
            np.testing.assert_allclose(found[mask == 1], expected[mask == 1], rtol=0, atol=atol)
        else:
            np.testing.assert_allclose(found, expected, rtol=0, atol=atol)
    return notes, theirs


POOLER = dict(pooling="pooler")
FIRST = dict(pooling="first")


def test_classifiers(tmp_path, byte_pairs):
    wordpiece = make_tokenizer()
    bert = classifier(wordpiece, POOLER, activation="gelu_approximate")
    notes, theirs = compare(bert, tmp_path / "bert", keras_hub.models.TextClassifier)
    assert len(notes) == 1 and notes[0].startswith("largest difference of outputs ")
    # KerasHub reads texts as they are, and its classifier answers as this project's.
    scores = theirs.predict(TEXTS, verbose=0)
    assert [LABELS[row.argmax()] for row in scores] == [answer["label"] for answer in bert(TEXTS)]
    assert zoo.load(tmp_path / "bert")(TEXTS)[0]["label"] == bert(TEXTS)[0]["label"]
    distilbert = classifier(wordpiece, {**FIRST, "hidden_activation": "relu"}, num_segments=0, pooler=False)
    compare(distilbert, tmp_path / "distilbert", keras_hub.models.TextClassifier)
    roberta = dict(num_segments=1, position_offset=2, pooler=False, layer_norm_epsilon=1e-5)
    roberta = classifier(byte_pairs, {**FIRST, "hidden_activation": "tanh"}, **roberta)
    compare(roberta, tmp_path / "roberta", keras_hub.models.TextClassifier)


def test_masked_language_models(tmp_path, byte_pairs):
    roberta = dict(num_segments=1, position_offset=2, pooler=False, layer_norm_epsilon=1e-5)
    compare(masked(byte_pairs, "<mask>", **roberta), tmp_path / "roberta", keras_hub.models.MaskedLM)
    # KerasHub's head adds 1e-5 to the variance, and BERT's 1e-12.
    bert = masked(make_tokenizer(), "[MASK]", activation="gelu_approximate", pooler=False)
    notes, _ = compare(bert, tmp_path / "bert", keras_hub.models.MaskedLM, atol=2e-3)
    assert "with a new, untrained pooler, since the model has none" in notes


def test_generators_and_encoder_decoders(tmp_path, byte_pairs):
    settings = GenerationSettings(temperature=0.0, max_new_tokens=6)
    generator = TextGenerator(with_random_weights(GPT2(byte_pairs.vocabulary_size, **SIZES)), byte_pairs, settings)
    notes, theirs = compare(generator, tmp_path / "gpt2", keras_hub.models.CausalLM)
    assert notes[1:] == ["without its settings of drawing tokens"]
    assert theirs.preprocessor.add_start_token is False and not zoo.load(tmp_path / "gpt2").settings.begin_token
    _, theirs = compare(bart(byte_pairs), tmp_path / "bart", keras_hub.models.Seq2SeqLM)
    assert (theirs.preprocessor.encoder_sequence_length, theirs.preprocessor.decoder_sequence_length) == (20, 6)
    _, theirs = compare(t5(), tmp_path / "t5", keras_hub.models.Seq2SeqLM)
    task = t5()
    ids = [ops.convert_to_numpy(theirs.preprocessor.tokenizer(text)).tolist() for text in TEXTS]
    assert ids == task.tokenizer.encode(TEXTS).to_list()
    newer = dict(gated=True, activation="gelu_approximate", tied_embeddings=False, scale_logits=False)
    compare(t5(**newer), tmp_path / "flan", keras_hub.models.Seq2SeqLM)
    again = zoo.load(tmp_path / "bart").with_settings(num_beams=1, max_new_tokens=6, no_repeat_ngram_size=3)
    assert again(TEXTS) == bart(byte_pairs)(TEXTS)


def test_converting(tmp_path):
    make_recognizer().save(tmp_path / "ner")
    done = convert(tmp_path / "ner", tmp_path / "hub", to="keras-hub", approximate_gelu=True)
    assert "a KerasHub preset of EntityRecognizer" in done and "the encoder alone" in done
    assert isinstance(keras_hub.models.Backbone.from_preset(str(tmp_path / "hub")), keras_hub.models.BertBackbone)
    with pytest.raises(UserError, match="bare encoder"):
        zoo.load(tmp_path / "hub")
    # What recipes take with --pretrained.
    encoder, tokenizer = load_pretrained_encoder(tmp_path / "hub", pooler=False)
    inputs = {"token_ids": np.array([[2, 7, 8, 3]]), "padding_mask": np.ones((1, 4), "int32")}
    theirs = keras_hub.models.Backbone.from_preset(str(tmp_path / "hub"))(
        {**inputs, "segment_ids": np.zeros((1, 4), "int32")}
    )
    np.testing.assert_allclose(encoder(inputs)["hidden_states"], theirs["sequence_output"], rtol=0, atol=1e-5)
    assert tokenizer.encode(TEXTS).to_list() == make_tokenizer().encode(TEXTS).to_list()
    task = classifier(make_tokenizer(), POOLER, activation="gelu_approximate")
    task.save(tmp_path / "preset")
    convert(tmp_path / "preset", tmp_path / "classes", to="keras-hub")
    assert "a preset of TextClassifier" in convert(tmp_path / "classes", tmp_path / "back")
    for ours, theirs in zip(task(TEXTS), zoo.load(tmp_path / "back")(TEXTS), strict=True):
        assert ours["label"] == theirs["label"] and np.allclose(ours["scores"], theirs["scores"], atol=1e-6)


def test_what_keras_hub_computes_in_another_way_is_refused(tmp_path, byte_pairs):
    make_classifier().save(tmp_path / "classes")

    def refused(source, *words):
        with pytest.raises(UserError) as caught:
            convert(tmp_path / source, tmp_path / "hub", to="keras-hub")
        assert all(word in str(caught.value) for word in words), caught.value
        assert not (tmp_path / "hub").exists()

    refused("classes", "KerasHub has no BERT with activation='gelu'", "--approximate-gelu accepts that")
    task = bart(byte_pairs)
    config = {**task.model.get_config(), "scale_embedding": True}
    Summarizer(with_random_weights(EncoderDecoder.from_config(config)), byte_pairs, settings=task.settings).save(
        tmp_path / "scaled"
    )
    refused("scaled", "KerasHub has no BART with scale_embedding=True, only with False")
    plain = BytePairTokenizer.train(["low lower lowest slow"] * 9, 262)
    TextGenerator(GPT2(plain.vocabulary_size, **SIZES), plain).save(tmp_path / "generator")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")
    with pytest.raises(UserError, match="not empty"):
        convert(tmp_path / "generator", tmp_path / "full", to="keras-hub")
