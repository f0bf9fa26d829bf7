"""Every key of the files of a directory is followed as transformers follows it, or refused by name."""

import pytest
from every_key import verdicts

# The files whose keys were all gone through; docs/checkpoints.md names them.
_OF_WRITERS = ("config.json", "generation_config.json", "tokenizer_config.json", "special_tokens_map.json")
_OF_ENCODERS = ("config.json", "tokenizer_config.json", "special_tokens_map.json", "tokenizer.json")
HELD = {
    **dict.fromkeys(("bert", "distilbert", "roberta"), _OF_ENCODERS),
    "marian": _OF_WRITERS,
    **dict.fromkeys(("gpt2", "bart", "mbart", "pegasus", "t5"), (*_OF_WRITERS, "tokenizer.json")),
}
CASES = [(family, file) for family, files in HELD.items() for file in files]
_HELD = ("equal", "refused", "unimportant")
# Some keys of every family, for every run of the suite.
SHARES = [
    ("bert", "config.json", {"hidden_act": "equal", "is_decoder": "refused", "use_cache": "unimportant"}),
    ("distilbert", "config.json", {"num_attention_heads": "equal"}),
    ("roberta", "tokenizer_config.json", {"split_special_tokens": "refused"}),
    ("gpt2", "tokenizer_config.json", {"errors": "refused", "padding_side": "unimportant"}),
    ("marian", "config.json", {"num_attention_heads": "equal"}),
    ("bart", "generation_config.json", {"is_assistant": "refused", "top_k": "unimportant"}),
    ("mbart", "tokenizer_config.json", {"extra_special_tokens": "refused"}),
    ("pegasus", "tokenizer.json", {"model.unk_id": "refused"}),
    ("sentence-transformers", "sentence_bert_config.json", {"processor_kwargs": "refused", "max_seq_length": "equal"}),
    ("cross-encoder", "config_sentence_transformers.json", {"activation_fn": "equal"}),
    ("chat", "config.json", {"rms_norm_eps": "equal"}),
    ("t5", "special_tokens_map.json", {"eos_token": "refused", "additional_special_tokens": "refused"}),
]


@pytest.mark.parametrize(("family", "file", "keys"), SHARES)
def test_another_value_of_some_keys(tmp_path, family, file, keys):
    assert verdicts(family, tmp_path / "model", file, keys) == keys


@pytest.mark.long
@pytest.mark.parametrize(("family", "file"), CASES)
def test_another_value_of_every_key(tmp_path, family, file):
    found = verdicts(family, tmp_path / "model", file)
    held = {key for key, verdict in found.items() if verdict in _HELD or verdict.startswith("illegal: ")}
    wrong = {key: verdict for key, verdict in found.items() if key not in held}
    assert not wrong, "\n".join(f"{key}: {verdict}" for key, verdict in wrong.items())
    assert sum(verdict in _HELD for verdict in found.values()) >= 6
