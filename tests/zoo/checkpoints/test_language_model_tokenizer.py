"""Tokenizers of language models' directories beside the `tokenizers` package on the same files."""

import json

import byte_fallback_reference
import language_model_reference
import pytest
import tokenizers
from tokenizers import AddedToken, processors

from zoo.checkpoints.hugging_face.language_model_tokenizer import read_language_model_tokenizer
from zoo.errors import UserError

CHAT = "<|start|>user\n\nWhat are 12345's factors?<|end|>\n<tool> 'S  x"
BEGIN, END, HEADER = "<|begin|>", "<|end|>", "<|start|>"


@pytest.fixture(scope="module")
def vocabulary():
    return language_model_reference.vocabulary_and_merges()


@pytest.fixture
def llama3(vocabulary):
    """A file of Llama 3's kind: special tokens after the vocabulary, and one before each text."""
    theirs = language_model_reference.reference("llama3", language_model_reference.made("llama3", vocabulary))
    theirs.add_special_tokens([BEGIN, END, HEADER])
    theirs.add_tokens([AddedToken("<tool>", normalized=False)])
    around = processors.TemplateProcessing(
        single=[BEGIN, "$A"], pair=[BEGIN, "$A", "$B:1"], special_tokens=[(BEGIN, theirs.token_to_id(BEGIN))]
    )
    theirs.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), around])
    return theirs


def write(directory, theirs, **config):
    theirs.save(str(directory / "tokenizer.json"))
    (directory / "tokenizer_config.json").write_text(json.dumps(config))
    return tokenizers.Tokenizer.from_file(str(directory / "tokenizer.json"))


def assert_same(found, theirs, text):
    """The tokenizer that reads special tokens from text gives what the package does."""
    ours = found.tokenizer.reading_from_text(found.tokenizer.control_tokens)
    ids = [ours.bos_id] * found.begins + ours.encode([text]).to_list()[0] + [ours.eos_id] * found.ends
    assert ids == theirs.encode(text).ids
    assert ours.decode([ids]).numpy()[0].decode() == theirs.decode(ids)


def test_llama_3(llama3, tmp_path):
    theirs = write(tmp_path, llama3, bos_token=BEGIN, eos_token=END, tokenizer_class="PreTrainedTokenizerFast")
    found = read_language_model_tokenizer(tmp_path)
    assert (found.begins, found.ends) == (True, False)
    ours = found.tokenizer
    assert [ours.bos_id, ours.eos_id, ours.pad_id] == [theirs.token_to_id(token) for token in (BEGIN, END, END)]
    assert_same(found, theirs, CHAT)
    # What a user types is no special token, not even one without a part to play.
    assert set(ours.control_tokens) == {BEGIN, END, HEADER}
    assert not set(ours.special_tokens.values()) & set(ours.encode([CHAT]).to_list()[0])
    assert theirs.token_to_id("<tool>") in ours.encode([CHAT]).to_list()[0]
    (one,) = read_language_model_tokenizer(tmp_path, [HEADER]).tokenizer.special_tokens_in_text
    assert one == HEADER


def test_special_tokens_within_a_vocabulary_that_lacks_bytes(vocabulary, tmp_path):
    """As SmolLM2's: special tokens come first, and some bytes are no entries."""
    entries = [END, HEADER, *(token for token in vocabulary[0] if "~" not in token)]
    merges = [merge for merge in vocabulary[1] if "~" not in "".join(merge)]
    model = tokenizers.models.BPE({token: number for number, token in enumerate(entries)}, list(merges))
    theirs = tokenizers.Tokenizer(model)
    theirs.pre_tokenizer = language_model_reference.splitter(("digits", "gpt2"))
    theirs.decoder = tokenizers.decoders.ByteLevel()
    theirs.add_special_tokens([END, HEADER])
    theirs = write(tmp_path, theirs, bos_token=HEADER, eos_token=END, pad_token=END, tokenizer_class="GPT2Tokenizer")
    found = read_language_model_tokenizer(tmp_path)
    assert (found.begins, found.ends, found.tokenizer.eos_id, found.tokenizer.bos_id) == (False, False, 0, 1)
    assert_same(found, theirs, CHAT + "a~b")


def test_byte_fallback(tmp_path):
    theirs = byte_fallback_reference.reference("llama2", byte_fallback_reference.vocabulary_and_merges())
    theirs.post_processor = processors.TemplateProcessing(single=["<s>", "$A"], special_tokens=[("<s>", 1)])
    theirs = write(tmp_path, theirs, bos_token="<s>", eos_token="</s>", unk_token="<unk>", add_bos_token=True)
    found = read_language_model_tokenizer(tmp_path)
    assert (found.begins, found.ends, found.tokenizer.bos_id, found.tokenizer.eos_id) == (True, False, 1, 2)
    assert_same(found, theirs, "a horse</s> \u6f22\U0001f600  the<s>")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"bos_token": BEGIN, "add_bos_token": False}, "beside add_bos_token False in tokenizer_config.json"),
        ({"bos_token": BEGIN, "add_eos_token": True, "eos_token": END}, "beside add_eos_token True"),
        ({"bos_token": END}, f"post_processor puts .*begin.* only bos_token '{END[:2]}"),
        ({"bos_token": BEGIN, "errors": "strict"}, "errors 'strict' is not supported"),
    ],
)
def test_what_is_not_followed_is_named(config, message, llama3, tmp_path):
    write(tmp_path, llama3, **config)
    with pytest.raises(UserError, match=message.replace("|", "[|]")):
        read_language_model_tokenizer(tmp_path)


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match=r"tokenizer\.json is missing"):
        read_language_model_tokenizer(tmp_path)
