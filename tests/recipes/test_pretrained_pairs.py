"""Pretrained encoder-decoders: the recipes train them on what transformers would, and go on from their presets."""

import json

import numpy as np
import pytest
import torch
from tiny_checkpoints import TARGET_WORDS, WORDS, sentences, write_bart, write_marian
from tiny_sentencepiece import write_mbart, write_t5

import zoo
from recipes.text_to_text.encoded_texts import pair_encoders, source_end_id
from recipes.text_to_text.sequence_to_sequence import make_batches
from recipes.translation import main
from recipes.translation.config import TranslationConfig
from zoo.errors import UserError
from zoo.tasks import SequenceToSequenceSettings
from zoo.tasks.foreign import task_from_hugging_face
from zoo.training import TokenCrossEntropy


def phrases(words, seed):
    """Sentences of up to four words, which have room in all tiny models."""
    return [" ".join(text.split()[-4:]) for text in sentences(40, words, seed)]


PAIRS = list(zip(phrases(WORDS, 5), phrases(TARGET_WORDS, 6), strict=True))


def stored(kind, directory):
    """A tiny checkpoint: our task, transformers' model, and its tokens of sources and labels."""
    languages = dict(source_language="en_XX", target_language="ro_RO") if kind.startswith("mbart") else {}
    if kind.startswith("marian"):
        model, tokenizer = write_marian(directory, joint=kind == "marian")
    elif kind == "bart":
        model, tokenizer = write_bart(directory)
    elif kind == "t5":
        model, tokenizer = write_t5(directory)
    else:
        model, tokenizer = write_mbart(directory, kind)
    prefix = "translate English to German: " if kind == "t5" else None
    task = task_from_hugging_face(directory, task="translation", source_prefix=prefix, **languages)
    if languages:
        tokenizer.src_lang, tokenizer.tgt_lang = languages.values()

    def tokenize(source, target):
        return tokenizer((prefix or "") + source, text_target=target)

    return task, model, tokenize


@pytest.mark.parametrize("kind", ["marian", "marian-two-vocabularies", "bart", "t5", "mbart", "mbart50"])
def test_batches_and_loss_of_pretrained_models_are_those_of_transformers(kind, tmp_path):
    task, model, tokenize = stored(kind, tmp_path)
    tokenizers = task.source_tokenizer, task.target_tokenizer
    config = TranslationConfig(max_length=96, batch_size_tokens=1024)
    batches = make_batches(config, PAIRS, tokenizers, task.settings, training=False)
    numbers = [number for batch in range(batches.num_batches()) for number in batches.examples(0, batch)]
    assert sorted(numbers) == list(range(40))
    numbers = iter(numbers)
    loss = TokenCrossEntropy()
    for x, labels, weights in batches.epoch(0):
        logits = task.model(x).numpy()
        for row, (label, weight) in enumerate(zip(labels, weights, strict=True)):
            expected = tokenize(*PAIRS[next(numbers)])
            expected_labels = torch.tensor([expected["labels"]])
            read = model.prepare_decoder_input_ids_from_labels(expected_labels)[0].tolist()
            written = expected["labels"]
            if kind == "mbart":
                # transformers' labels end in the language; nothing is decoded after the end token before it.
                read, written = read[:-1], written[:-1]
            real = x["source_padding_mask"][row] == 1
            assert x["source_token_ids"][row][real].tolist() == expected["input_ids"]
            assert label[weight == 1].tolist() == written
            assert x["target_token_ids"][row][weight == 1].tolist() == read
            with torch.no_grad():
                found = model(
                    input_ids=torch.tensor([expected["input_ids"]]), decoder_input_ids=torch.tensor([read])
                ).logits
            reference = torch.nn.functional.cross_entropy(found[0], torch.tensor(written))
            ours = loss(label[None], logits[row][None], sample_weight=weight[None])
            assert float(ours) == pytest.approx(float(reference), rel=1e-4)


def write_files(directory):
    for side, name in enumerate(("source", "target")):
        for split, pairs in (("train", PAIRS[:30]), ("validation", PAIRS[30:])):
            text = "".join(pair[side] + "\n" for pair in pairs)
            (directory / f"{split}.{name}").write_text(text, encoding="utf-8")


def command_line(directory, pretrained, run, *extra):
    files = [
        part
        for split in ("train", "validation")
        for name in ("source", "target")
        for part in (f"--{split}-{name}", f"{directory}/{split}.{name}")
    ]
    steps = "--total-steps 20 --warmup-steps 3 --validate-every-steps 10 --checkpoint-every-steps 10"
    rest = "--learning-rate 3e-3 --max-length 40 --num-beams 2 --average-checkpoints 1 --batch-size-tokens 256"
    scores = "--validation-bleu-lines 0 --early-stopping-metric val_nll"
    argv = ["--variant", "own-data", *files, "--pretrained", str(pretrained), "--directory", str(directory / run)]
    return [*argv, *steps.split(), *rest.split(), *scores.split(), *map(str, extra)]


def validation_losses(run):
    rows = [json.loads(line) for line in (run / "history.jsonl").read_text(encoding="utf-8").splitlines()]
    return [row["val_nll"] for row in rows if row["kind"] == "validation"]


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """A directory with data, a Marian, and the run that was trained from it."""
    directory = tmp_path_factory.mktemp("tuned")
    write_files(directory)
    write_marian(directory / "marian", joint=False)
    main(command_line(directory, directory / "marian", "run"))
    return directory


def test_a_marian_is_trained_further_and_decodes_as_before(tuned):
    losses = validation_losses(tuned / "run")
    assert len(losses) == 2 and losses[1] < losses[0]
    before, after = zoo.load(tuned / "marian"), zoo.load(tuned / "run")
    assert isinstance(after, zoo.Translator) and after.source_tokenizer.vocabulary == before.source_tokenizer.vocabulary
    for name in ("start_token_id", "suppressed_token_ids", "renormalize", "forced_last_token_id", "source_suffix_ids"):
        assert getattr(after.settings, name) == getattr(before.settings, name)
    assert (after.settings.num_beams, after.settings.max_new_tokens, after.settings.max_source_length) == (2, 40, 40)
    sources = (tuned / "validation.source").read_text(encoding="utf-8").splitlines()
    assert after.examples == sources
    written = (tuned / "run" / "validation.hypotheses.txt").read_text(encoding="utf-8").splitlines()
    assert after(sources) == written
    changed = [
        not np.array_equal(*pair) for pair in zip(before.model.get_weights(), after.model.get_weights(), strict=True)
    ]
    assert sum(changed) > 30


def test_training_goes_on_from_a_preset(tuned):
    main(command_line(tuned, tuned / "run", "further"))
    assert validation_losses(tuned / "further")[-1] < validation_losses(tuned / "run")[-1]


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--vocabulary-size", "300"], "--vocabulary-size is for new models; the one of --pretrained has its own"),
        (["--dropout", "0.5"], "--dropout is for new models"),
        (["--max-length", "200"], "--max-length 200: more than the 48 positions of"),
        (["--subword-sampling", "0.1"], "--subword-sampling needs a SentencePiece vocabulary of this project's"),
    ],
)
def test_what_a_pretrained_translator_cannot_have_is_refused_in_one_line(tuned, extra, message, refused):
    assert message in refused(main, command_line(tuned, tuned / "marian", "refused", *extra))
    assert not (tuned / "refused").exists()


def test_a_summarizer_is_no_translator(tuned, tmp_path, refused):
    write_bart(tmp_path / "bart")
    error = refused(main, command_line(tuned, tmp_path / "bart", "refused"))
    assert "holds a Summarizer, not a Translator" in error
    assert "--task translation" in error


def test_sources_are_cut_before_what_ends_them():
    settings = SequenceToSequenceSettings(
        source_prefix_ids=(7,), source_suffix_ids=(8, 9), forced_first_token_id=5, source_prefix="to: "
    )
    source, target = pair_encoders((None, None), settings, longest=6, encode=(encode_bytes, encode_bytes))
    assert [row.tolist() for row in source(["ab", ""])] == [[7, *b"to:", 8], [7, *b"to:", 8]]
    assert source.cut == [2, 2] and source_end_id(settings) == 9
    assert [row.tolist() for row in target(["ab", ""])] == [[5, *b"ab"], [5]]
    with pytest.raises(UserError, match="source_suffix_ids is empty"):
        source_end_id(SequenceToSequenceSettings(source_suffix_ids=()))


def encode_bytes(texts):
    return [np.frombuffer(text.encode(), np.uint8) for text in texts]
