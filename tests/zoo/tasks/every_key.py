"""Another legal value for every key of a Hugging Face directory: what transformers answers then, and what the zoo does.

A family is a tiny directory of random weights. Its keys are those that transformers writes, with the defaults of its
classes, and further ones that published files have. A key counts as held if with another value the zoo answers as
transformers does, or refuses it by name; one that changes neither an answer of transformers nor anything that the zoo
reads must be one of `UNIMPORTANT`.
"""

import copy
import json
import re
import shutil
from dataclasses import asdict

import numpy as np
import torch
import transformers
from test_foreign import READABLE, pipeline, write
from test_foreign_byte_pairs import PROMPTS, write_gpt2
from tiny_checkpoints import sentences, write_bart, write_marian
from tiny_sentencepiece import write_mbart, write_pegasus, write_t5

import zoo
from zoo.errors import UserError

GENERATION = dict(num_beams=2, max_length=9, early_stopping=False, no_repeat_ngram_size=0)
SOURCES = sentences(3, seed=5)

# Key: another value, where one that follows from its own would be illegal or change nothing.
OTHERS = {
    "hidden_act": "relu",
    "dense_act_fn": "silu",
    "activation": "relu",
    "activation_function": "relu",
    "feed_forward_proj": "gated-gelu",
    "architectures": ["AnotherModel"],
    "model_type": "electra",
    "id2label": {"0": "x", "1": "y", "2": "z"},
    "label2id": {"x": 0, "y": 1, "z": 2},
    "problem_type": "multi_label_classification",
    "num_labels": 5,
    "quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": True},
    "position_embedding_type": "relative_key",
    "pruned_heads": {"0": [1]},
    "torch_dtype": "float64",
    "dtype": "float64",
    "_name_or_path": "somewhere/else",
    "transformers_version": "4.1.0",
    "task_specific_params": {"summarization": {"num_beams": 5}},
    "early_stopping": True,
    "length_penalty": -2.0,
    "bad_words_ids": [[7]],
    "suppress_tokens": [7, 8],
    "begin_suppress_tokens": [7],
    "sequence_bias": [[[7], -5.0]],
    "force_words_ids": [[7]],
    "stop_strings": ["a"],
    "eos_token_id": [2, 9],
    "max_new_tokens": 4,
    "max_length": 5,
    "min_length": 7,
    "min_new_tokens": 6,
    "do_sample": True,
    "num_beams": 3,
    "num_beam_groups": 2,
    "diversity_penalty": 0.5,
    "no_repeat_ngram_size": 1,
    "encoder_no_repeat_ngram_size": 1,
    "repetition_penalty": 1.9,
    "encoder_repetition_penalty": 1.9,
    "guidance_scale": 2.0,
    "penalty_alpha": 0.6,
    "renormalize_logits": True,
    "remove_invalid_values": True,
    "token_healing": True,
    "exponential_decay_length_penalty": [2, 1.5],
    "watermarking_config": {"greenlist_ratio": 0.25, "bias": 9.0},
    "dola_layers": "low",
    "max_time": 1e-6,
    "num_return_sequences": 2,
    "forced_bos_token_id": 7,
    "forced_eos_token_id": 7,
    "decoder_start_token_id": 7,
    "scale_attn_weights": False,
    "model_max_length": 5,
    "truncation_side": "left",
    "padding_side": "left",
    "strip_accents": False,
    "do_lower_case": False,
    "tokenize_chinese_chars": False,
    "do_basic_tokenize": False,
    "never_split": ["the"],
    "clean_up_tokenization_spaces": True,
    "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output": True,
    "add_prefix_space": True,
    "add_bos_token": True,
    "add_eos_token": True,
    "errors": "ignore",
    "trim_offsets": False,
    "sp_model_kwargs": {"enable_sampling": True},
    "tokenizer_class": "XLNetTokenizer",
    "separate_vocabs": True,
    "extra_ids": 7,
    "offset": 50,
    "src_lang": "de_DE",
    "tgt_lang": "fr_XX",
    "legacy": False,
    "model_input_names": ["input_ids"],
    "split_special_tokens": True,
    "use_fast": False,
    "max_len": 5,
    "layer_norm_eps": 0.3,
    "layer_norm_epsilon": 0.3,
    "unk_token_id": 5,
    "sep_token_id": 5,
    "mask_token_id": 5,
}

_TRAINING = "of training alone"
_RETURNED = "of what is returned or stored beside an answer"
_SPEED = "of speed or memory alone"
_FOR_PEOPLE = "says where a model comes from; nothing reads it"
_SAMPLING = "of sampling, which do_sample false leaves out"
_ASSISTED = "of decoding with an assistant, which a call must ask for"
UNIMPORTANT = {
    **dict.fromkeys(
        ("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout", "dropout"), _TRAINING
    ),
    **dict.fromkeys(("attention_dropout", "activation_dropout", "dropout_rate", "seq_classif_dropout"), _TRAINING),
    **dict.fromkeys(("qa_dropout", "resid_pdrop", "embd_pdrop", "attn_pdrop", "summary_first_dropout"), _TRAINING),
    **dict.fromkeys(("encoder_layerdrop", "decoder_layerdrop", "initializer_range", "init_std"), _TRAINING),
    **dict.fromkeys(("initializer_factor", "label2id"), _TRAINING),
    **dict.fromkeys(("output_hidden_states", "output_attentions", "return_dict", "output_scores"), _RETURNED),
    **dict.fromkeys(("output_logits", "return_dict_in_generate"), _RETURNED),
    **dict.fromkeys(("use_cache", "cache_implementation", "cache_config", "compile_config", "disable_compile"), _SPEED),
    **dict.fromkeys(("chunk_size_feed_forward", "low_memory", "prefill_chunk_size", "reorder_and_upcast_attn"), _SPEED),
    **dict.fromkeys(("dtype", "torch_dtype"), "of stored weights; the zoo computes in the dtype asked for"),
    **dict.fromkeys(("_name_or_path", "transformers_version", "_from_model_config", "use_fast"), _FOR_PEOPLE),
    **dict.fromkeys(("temperature", "top_k", "top_p", "min_p", "typical_p", "top_h"), _SAMPLING),
    **dict.fromkeys(("epsilon_cutoff", "eta_cutoff"), _SAMPLING),
    **dict.fromkeys(("is_assistant", "num_assistant_tokens", "num_assistant_tokens_schedule"), _ASSISTED),
    **dict.fromkeys(("assistant_confidence_threshold", "prompt_lookup_num_tokens"), _ASSISTED),
    **dict.fromkeys(("max_matching_ngram_size", "assistant_early_exit", "assistant_lookbehind"), _ASSISTED),
    **dict.fromkeys(("target_lookbehind",), _ASSISTED),
    "pad_token_id": "padding is masked",
    "padding_side": "padding is masked",
    "decoder_start_token_id": "of config.json beside generation_config.json, which counts alone",
    "forced_eos_token_id": "of config.json beside generation_config.json, which counts alone",
    "max_len": "beside model_max_length, which counts alone",
    "sp_model_kwargs": "transformers 5 splits into the pieces itself, but for Marian",
    "add_prefix_space": "SentencePiece's tokenizers always have it",
    "extra_ids": "of T5",
    "offset": "of PEGASUS",
    "separate_vocabs": "of Marian",
    "pruned_heads": "transformers 5 no longer reads it",
    "id2label": "of classifiers",
    "problem_type": "of classifiers",
    "eos_token_id": "of models that write, and there by generation_config.json where it is",
    "tie_word_embeddings": "of an output matrix, which the model does not have or the files decide on",
    "bos_token_id": "begins an answer only where decoder_start_token_id is missing",
    "model_input_names": "masks and segments that it leaves out are those of a text alone",
    "task_specific_params": "generate does not read it",
    "is_encoder_decoder": "transformers takes it from the class",
    "summary_type": "of GPT-2's head for multiple choice",
    "summary_use_proj": "of GPT-2's head for multiple choice",
    "summary_activation": "of GPT-2's head for multiple choice",
    "summary_proj_to_labels": "of GPT-2's head for multiple choice",
    "sinusoidal_pos_embds": "fills a table that the file then replaces",
    "n_positions": "T5 has no positions; of GPT-2 the table is of another shape",
    "num_hidden_layers": "a second name of encoder_layers",
    "decoder_vocab_size": "read only where the vocabularies are apart",
    "clean_up_tokenization_spaces": "of decoded texts; transformers 5 leaves those of byte pairs alone",
    "trim_offsets": "of where tokens are in a text",
    "legacy": "of special tokens inside a text",
    "never_split": "of tokenizers in Python, which transformers 5 no longer has",
    "max_input_chars_per_word": "no word of the texts is that long",
    "truncation": "a call of transformers sets its own",
    "padding": "a call of transformers sets its own",
    "version": "of the file's layout",
    "name_or_path": _FOR_PEOPLE,
    "special_tokens_map_file": _FOR_PEOPLE,
    "backend": _FOR_PEOPLE,
    "is_local": _FOR_PEOPLE,
}
# A refusal of tensors of another shape or number names tensors in place of the key.
_OF_TENSORS = ("of another shape", "is of shape", "need an even hidden_dim", "missing: ", "unexpected: ")
_OF_TENSORS += ("must be a multiple of", "is damaged: it lacks")


def another(key, value):
    """A legal value of a key other than the one it has; None if there is no way to tell."""
    if key in OTHERS and OTHERS[key] != value:
        return OTHERS[key]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value * 1.5 or 0.5
    return None


def config_keys(directory):
    """The keys of config.json, with the defaults of its class and keys of older files."""
    written = json.loads((directory / "config.json").read_text())
    defaults = json.loads(transformers.AutoConfig.from_pretrained(directory).to_json_string(use_diff=False))
    older = dict.fromkeys(("quantization_config", "pruned_heads", "torch_dtype", "task_specific_params"))
    return {**older, **defaults, **written}


def generation_keys(directory):
    path = directory / "generation_config.json"
    keys = transformers.GenerationConfig().to_dict()
    return {**keys, **(json.loads(path.read_text()) if path.is_file() else {})}


def tokenizer_keys(directory):
    """The keys of tokenizer_config.json, and further ones that its class reads."""
    content = json.loads((directory / "tokenizer_config.json").read_text())
    name = content["tokenizer_class"]
    older = ("truncation_side", "padding_side", "clean_up_tokenization_spaces", "model_input_names", "max_len")
    if name.startswith("Bert"):
        older += ("do_basic_tokenize", "never_split")
    elif name.startswith(("GPT2", "Roberta", "Bart")):
        older += ("add_prefix_space", "errors", "trim_offsets", "add_bos_token", "add_eos_token")
    else:
        older += ("sp_model_kwargs", "legacy", "extra_ids", "offset", "separate_vocabs", "add_prefix_space")
    return {**dict.fromkeys(older), **content}


KEYS_OF_FILES = {
    "config.json": config_keys,
    "generation_config.json": generation_keys,
    "tokenizer_config.json": tokenizer_keys,
}


class Classifier:
    """A BERT of three classes."""

    texts = (*READABLE[:2], "naïve 中国")
    files = ("config.json", "tokenizer_config.json")

    def write(self, directory):
        write(directory, transformers.BertForSequenceClassification, 1, id2label={0: "a", 1: "b", 2: "c"})

    def theirs(self, directory):
        found = pipeline("text-classification", directory, top_k=None)(list(self.texts), truncation=True)
        return [{each["label"]: each["score"] for each in row} for row in found]

    def ours(self, task):
        rows = task(self.texts)
        return [
            dict(zip(row.get("all_labels", row["labels"]), row.get("all_scores", row["scores"]), strict=True))
            for row in rows
        ]


class Tagger:
    """A DistilBERT whose tags have no prefixes, so that every token counts."""

    files = ("config.json", "tokenizer_config.json")
    # The zoo reads the rest of a longer text in further windows, where transformers cuts it off.
    differing = ("max_len", "model_max_length")

    def write(self, directory):
        write(directory, transformers.BertForTokenClassification, 1)
        sizes = dict(dim=16, hidden_dim=24, n_heads=2, n_layers=2, max_position_embeddings=64)
        vocabulary_size = json.loads((directory / "config.json").read_text())["vocab_size"]
        config = transformers.DistilBertConfig(vocab_size=vocabulary_size, **sizes, id2label={0: "O", 1: "A", 2: "B"})
        torch.manual_seed(2)
        model = transformers.DistilBertForTokenClassification(config)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_(0, 0.5)
        model.save_pretrained(directory)

    def theirs(self, directory):
        found = pipeline("token-classification", directory, aggregation_strategy="simple")
        return [{(e["entity_group"], e["start"], e["end"]): e["score"] for e in found(text)} for text in READABLE[:3]]

    def ours(self, task):
        return [{(e["label"], e["start"], e["end"]): e["score"] for e in row} for row in task(READABLE[:3])]


class Writer:
    """An encoder-decoder that answers by beam search."""

    files = ("config.json", "generation_config.json", "tokenizer_config.json")

    def __init__(self, write_directory, **options):
        self._write, self._options = write_directory, options

    def write(self, directory):
        options = dict(GENERATION)
        model, tokenizer = self._write(directory, **options, **self._options)
        path = directory / "generation_config.json"
        content = json.loads(path.read_text())
        # Tokens without a name, which the zoo never writes, and those that stand for parts left out.
        names = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
        nameless = [number for number, name in enumerate(names) if name.startswith("<extra_id_")]
        nameless += range(len(names), model.config.vocab_size)
        content = {**content, **({"suppress_tokens": nameless} if nameless else {}), "length_penalty": 1.0}
        path.write_text(json.dumps(content))

    def theirs(self, directory):
        model = transformers.AutoModelForSeq2SeqLM.from_pretrained(directory, dtype="float32").eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
        answers = []
        for text in SOURCES:
            inputs = tokenizer(text, truncation=True, return_tensors="pt")
            inputs.pop("token_type_ids", None)
            with torch.no_grad():
                found = model.generate(**inputs, return_dict_in_generate=True, output_scores=True)
            answer = tokenizer.decode(found.sequences[0], skip_special_tokens=True).lstrip(" ")
            answers.append(
                {answer: None if model.generation_config.num_beams == 1 else float(found.sequences_scores[0])}
            )
        return answers

    def ours(self, task):
        return [{answers[0].text: answers[0].score} for answers in task.n_best(SOURCES, 1)]


class Generator:
    """A GPT-2 that goes on with the most probable token."""

    files = ("config.json", "generation_config.json", "tokenizer_config.json")

    def write(self, directory):
        write_gpt2(directory)
        (directory / "generation_config.json").write_text('{"max_new_tokens": 8, "eos_token_id": 0}')

    def theirs(self, directory):
        model = transformers.AutoModelForCausalLM.from_pretrained(directory, dtype="float32").eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
        answers = []
        for text in PROMPTS[:3]:
            inputs = tokenizer(text, return_tensors="pt")
            with torch.no_grad():
                found = model.generate(**inputs)[0, inputs.input_ids.shape[1] :]
                score = torch.log_softmax(model(inputs.input_ids).logits[0, -1], -1).max()
            answers.append({tokenizer.decode(found, skip_special_tokens=True): float(score)})
        return answers

    def ours(self, task):
        answers = []
        for text in PROMPTS[:3]:
            first = task.samples(text, 1, max_new_tokens=1, min_new_tokens=0)[0]
            answers.append({task(text): first.score if first.num_tokens else None})
        return answers


FAMILIES = {
    "bert": Classifier(),
    "distilbert": Tagger(),
    "gpt2": Generator(),
    "marian": Writer(write_marian, bad_words_ids=None, renormalize_logits=False),
    "bart": Writer(write_bart, min_length=0, forced_bos_token_id=None),
    "mbart": Writer(write_mbart, config={"src_lang": "en_XX", "tgt_lang": "ro_RO"}),
    "pegasus": Writer(write_pegasus),
    "t5": Writer(write_t5),
}


def fingerprint(task):
    """Everything that an answer follows from, so that most keys need no answer to be seen not to matter."""
    weights = [float(np.abs(np.asarray(weight, "float64")).sum()) for weight in task.model.get_weights()]
    tokenizers = {getattr(task, name, None) for name in ("tokenizer", "target_tokenizer")} - {None}
    tokens = sorted(repr(tokenizer._options()) + repr(tokenizer.id_to_token(range(9))) for tokenizer in tokenizers)
    # Keras numbers the names of layers.
    config = re.sub(r"'name': '\w+'", "", repr(task.model.get_config()))
    return repr((type(task).__name__, asdict(task.settings), config, weights, getattr(task, "labels", None), tokens))


def same(found, expected):
    """Whether answers are equal; a score that is None is not compared."""
    for row, other in zip(found, expected, strict=True):
        if list(row) != list(other) and set(row) != set(other):
            return False
        pairs = [(row[name], other[name]) for name in row]
        if not all(None in pair or np.isclose(*pair, rtol=1e-4, atol=1e-4) for pair in pairs):
            return False
    return True


def verdicts(name, directory, file, only=None):
    """For every key of one file: what became of another value.

    Args:
        name: Of `FAMILIES`.
        directory: Where its directory is written.
        file: One of the family's files.
        only: The keys to try; all of them if None.

    Returns:
        By key: "equal", "refused", "illegal" (transformers refuses it), "unimportant", or what is wrong.
    """
    family = FAMILIES[name]
    family.write(directory)
    content = {each: (directory / each).read_bytes() for each in family.files if (directory / each).is_file()}
    task = zoo.load(directory)
    base, print_of_base = family.theirs(directory), fingerprint(task)
    ours = family.ours(task)
    assert same(ours, base), (ours, base)
    found = {}
    for key, value in KEYS_OF_FILES[file](directory).items():
        changed = another(key, copy.deepcopy(value))
        if key in getattr(family, "differing", ()) or changed is None or (only is not None and key not in only):
            continue
        old = json.loads(content[file]) if file in content else {}
        (directory / file).write_text(json.dumps({**old, key: changed}))
        found[key] = _verdict(family, directory, key, base, ours, print_of_base)
        if file in content:
            (directory / file).write_bytes(content[file])
        else:
            (directory / file).unlink()
    shutil.rmtree(directory)
    return found


def _verdict(family, directory, key, base, ours, print_of_base):
    try:
        task = zoo.load(directory)
    except UserError as error:
        message = str(error)
        named = key in message or any(words in message for words in _OF_TENSORS)
        return "refused" if named and "\n" not in message else f"refused without its name: {message}"
    try:
        theirs = family.theirs(directory)
    # What transformers cannot do with a value is of many kinds, and no answer that could be another.
    except Exception as error:  # noqa: BLE001
        return f"illegal: {type(error).__name__}"
    found = ours if fingerprint(task) == print_of_base else family.ours(task)
    if not same(found, theirs):
        return f"another answer: {found} instead of {theirs}"
    if same(theirs, base) and fingerprint(task) == print_of_base:
        return "unimportant" if key in UNIMPORTANT else "changes nothing, and UNIMPORTANT does not say why"
    return "equal"
