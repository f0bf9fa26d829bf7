"""Tiny directories of every family, and what transformers and the zoo answer after them."""

import json
from typing import ClassVar

import chat_checkpoint
import torch
import transformers
from encoder_key_families import BYTE_PAIRS, ENCODERS, ROBERTA, TOKENIZER_FILES
from test_foreign_byte_pairs import PROMPTS, write_gpt2
from tiny_checkpoints import sentences, write_bart, write_marian
from tiny_language_models import reference
from tiny_sentencepiece import write_mbart, write_pegasus, write_t5

GENERATION = dict(num_beams=2, max_length=9, early_stopping=False, no_repeat_ngram_size=0)
# One of them holds the word that keys make a token of its own.
SOURCES = [*sentences(2, seed=5), "the " + sentences(1, seed=6)[0]]

WRITER_FILES = ("config.json", "generation_config.json", "tokenizer_config.json")
MARIAN_FILES = ("special_tokens_map.json", "source.spm", "target.spm")
MBART_FILES = (*TOKENIZER_FILES, "sentencepiece.bpe.model")
# Their tables have room for an added token.
GOOGLE_FILES = (*TOKENIZER_FILES, "spiece.model", "added_tokens.json")
_OF_PART = {f"{role}_token": "no part of a text by itself" for role in ("bos", "cls", "sep", "mask", "pad")}
_SENTENCEPIECE = {**_OF_PART, **dict.fromkeys(("post_processor", "special_tokens"), "the class makes its own")}
_MBART = {
    **_SENTENCEPIECE,
    **{f"post_processor.single.{i}.SpecialToken.id": "the languages decide what is around a text" for i in (1, 2)},
}


class Writer:
    """An encoder-decoder that answers by beam search."""

    def __init__(self, write_directory, further_files=(), unimportant=None, **options):
        self.files = (*WRITER_FILES, *further_files)
        self.unimportant = unimportant or {}
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
        path = directory / "tokenizer_config.json"
        if not path.is_file():
            path.write_text('{"tokenizer_class": "BartTokenizer"}')

    def theirs(self, directory):
        model = transformers.AutoModelForSeq2SeqLM.from_pretrained(directory, dtype="float32").eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
        answers = []
        for text in SOURCES:
            inputs = tokenizer(text, truncation=True, return_tensors="pt")
            inputs.pop("token_type_ids", None)
            with torch.no_grad():
                options = dict(return_dict_in_generate=True, output_scores=True)
                found = model.generate(**inputs, **options, **self.asked(model, tokenizer))
            answer = tokenizer.decode(found.sequences[0], skip_special_tokens=True).lstrip(" ")
            answers.append(
                {answer: None if model.generation_config.num_beams == 1 else float(found.sequences_scores[0])}
            )
        return answers

    def asked(self, model, tokenizer):
        """What a user of transformers asks generate for beside the files."""
        return {}

    def ours(self, task):
        return [{answers[0].text: answers[0].score} for answers in task.n_best(SOURCES, 1)]


class Multilingual(Writer):
    """An mBART, whose answers begin with the language that its tokenizer names, unless the files name a token."""

    def asked(self, model, tokenizer):
        config = model.generation_config
        if (config.decoder_start_token_id, config.forced_bos_token_id) != (None, None):
            return {}
        return {"decoder_start_token_id": tokenizer.convert_tokens_to_ids(tokenizer.tgt_lang)}


class Generator:
    """A GPT-2 that goes on with the most probable token."""

    files = (*WRITER_FILES, *TOKENIZER_FILES)
    prompts = PROMPTS[:3]
    unimportant: ClassVar = {
        **dict.fromkeys(("early_stopping", "length_penalty"), "of beam search"),
        "renormalize_logits": "changes no choice",
        "max_length": "beside max_new_tokens, which counts alone",
        "truncation_side": "prompts are not cut",
        "direction": "prompts are not cut",
        "post_processor": "that of GPT-2 adds no tokens",
        **BYTE_PAIRS,
        **dict.fromkeys(("bos_token", "sep_token", "cls_token"), "no part of a prompt by itself"),
    }

    def write(self, directory):
        write_gpt2(directory)
        # With top_k 1 sampling has one choice.
        (directory / "generation_config.json").write_text('{"max_new_tokens": 8, "eos_token_id": 0, "top_k": 1}')

    def theirs(self, directory):
        model = transformers.AutoModelForCausalLM.from_pretrained(directory, dtype="float32").eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
        answers = []
        for text in self.prompts:
            inputs = tokenizer(text, return_tensors="pt")
            with torch.no_grad():
                found = model.generate(**inputs, return_dict_in_generate=False)[0, inputs.input_ids.shape[1] :]
                score = torch.log_softmax(model(inputs.input_ids).logits[0, -1], -1).max()
            answers.append({tokenizer.decode(found, skip_special_tokens=True): float(score)})
        return answers

    def ours(self, task):
        answers = []
        for text in self.prompts:
            first = task.samples(text, 1, max_new_tokens=1, min_new_tokens=0)[0]
            answers.append({task(text): first.score if first.num_tokens else None})
        return answers


LLAMA_LIKE = (
    "llama_scaled",
    "mistral",
    "qwen2_windows",
    "qwen3_yarn",
    "smollm3_windows",
    "phi3",
    "gemma2",
    "gemma3_scaled",
)


class Chat(Generator):
    """A Llama likewise, with turns of conversations, or the configuration of a model that is like it.

    Args:
        name: Of `tiny_language_models.CASES`; the Llama of conversations if None.
    """

    prompts = ("low lower", "the quick brown", "user 2024")

    def __init__(self, name=None, **unimportant):
        self._name = name
        self.files = Generator.files if name is None else ("config.json",)
        self.unimportant = {**Generator.unimportant, **unimportant}

    def write(self, directory):
        _, tokenizer = chat_checkpoint.write(directory)
        if self._name is not None:
            special = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
            reference(self._name, vocab_size=len(tokenizer), **special).save_pretrained(directory)
        settings = {"max_new_tokens": 8, "eos_token_id": tokenizer.eos_token_id, "top_k": 1}
        (directory / "generation_config.json").write_text(json.dumps(settings))


FAMILIES = {
    **ENCODERS,
    "gpt2": Generator(),
    "marian": Writer(write_marian, MARIAN_FILES, _OF_PART, bad_words_ids=None, renormalize_logits=False),
    "bart": Writer(write_bart, TOKENIZER_FILES, ROBERTA, min_length=0, forced_bos_token_id=None),
    "mbart": Multilingual(write_mbart, MBART_FILES, _MBART, config={"src_lang": "en_XX", "tgt_lang": "ro_RO"}),
    "pegasus": Writer(write_pegasus, GOOGLE_FILES, _SENTENCEPIECE),
    "t5": Writer(write_t5, GOOGLE_FILES, _SENTENCEPIECE),
    "chat": Chat(),
    **{name: Chat(name) for name in LLAMA_LIKE},
}
