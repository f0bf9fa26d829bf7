"""Text generation: a prompt in, its continuation out; and the probability of given continuations."""

from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from zoo.errors import UserError
from zoo.generation import DecodeOptions, TokenRules
from zoo.generation.growing_state import state_grows
from zoo.generation.sampling import LARGEST_SEED
from zoo.tasks.controls import with_a_row
from zoo.tasks.conversations import Conversations
from zoo.tasks.encoded import Encoded
from zoo.tasks.generating_task import GeneratingTask
from zoo.tasks.generation_settings import GenerationSettings, within_positions
from zoo.tasks.inference import loop_length_in_backend
from zoo.tasks.registry import register_task
from zoo.tasks.resumption import RESUMPTION, joined_token_ids, read_token_ids, so_far_control
from zoo.tasks.signature import Signature
from zoo.tasks.stop_strings import MOST_BYTES, StopStrings, joined_stop_strings
from zoo.tasks.text_control import SEPARATOR, TextControl
from zoo.tokenizers import Tokenizer

# Positions that go through the model at a time when texts are scored, as far as rows are not longer.
_POSITIONS_AT_A_TIME = 4096


class Generation(NamedTuple):
    """One continuation of a prompt.

    Attributes:
        text: The continuation alone.
        score: Sum of the model's own log-probabilities of its tokens, whatever they were drawn by.
        num_tokens: How many tokens these are, an end token not counted.
        truncated: Whether the beginning of the prompt was left out because the prompt is too long.
    """

    text: str
    score: float
    num_tokens: int
    truncated: bool


class ContinuationScore(NamedTuple):
    """How probable a continuation is: `log_prob` is the sum over `num_tokens` tokens, in nats.

    Attributes:
        log_prob: Sum of log-probabilities.
        num_tokens: Tokens that were scored.
        truncated: Whether the texts are longer than the model's context, so that their beginning was left out.
    """

    log_prob: float
    num_tokens: int
    truncated: bool


_SCORE_OUTPUTS = {
    "score": "sum of the log-probabilities of the continuation's tokens",
    "num_tokens": "how many these are",
    "truncated": "whether the beginning of both was not read",
}


@register_task
class TextGenerator(GeneratingTask):
    """Continues text with a language model such as GPT-2.

    A prompt longer than `max_source_length` tokens loses its beginning, and the answer says so (`truncated`). An empty
    prompt asks for a text from its beginning. Blanks are prompts like all others.

    Args:
        model: A `zoo.models.GPT2`.
        tokenizer: `zoo.tokenizers.BytePairTokenizer` with an end token.
        settings: `GenerationSettings`.
        examples: Prompts to verify exports with; saved in the preset.
        chat_template: The template of conversations in Jinja, as of `ChatTemplate`; None for a model of mere texts.

    Raises:
        UserError: if tokenizer, settings or template do not fit the model.

    Attributes:
        end_ids: Tokens that end an answer.
        conversations: `Conversations` by the chat template; None without one.

    Example:
        >>> generator = zoo.load("runs/language_modeling")
        >>> generator("ROMEO:", temperature=0.8, seed=3)
        ' I will not stay ...'
    """

    settings_class = GenerationSettings
    description = "generating"
    hypothesis = Generation
    saved = ("chat_template",)
    default_batch_size = 16
    outputs: ClassVar[dict] = {
        "text": "the continuation alone",
        "score": "sum of the model's log-probabilities of its tokens",
        "num_tokens": "how many these are, an end token not counted",
        "truncated": "whether the beginning of the prompt was not read",
    }

    def __init__(
        self,
        model: keras.Model,
        tokenizer: Tokenizer,
        settings: Any = None,
        examples: Any = (),
        chat_template: str | None = None,
    ):
        super().__init__(model, tokenizer, settings, examples)
        if tokenizer.eos_id is None:
            raise UserError("the tokenizer has no end token, which text generation needs")
        if tokenizer.vocabulary_size > model.vocabulary_size:
            raise UserError(
                f"the tokenizer has {tokenizer.vocabulary_size} tokens but the model {model.vocabulary_size}; "
                "they must belong together"
            )
        self.settings = within_positions(self.settings, model.max_sequence_length)
        self._stop = joined_stop_strings(self.settings.stop)
        self.end_ids = tuple(dict.fromkeys((tokenizer.eos_id, *self.settings.end_token_ids)))
        for number in self.end_ids:
            if not 0 <= number < tokenizer.vocabulary_size:
                raise UserError(f"end_token_ids holds {number}, which the tokenizer does not have")
            if tokenizer.token_bytes[number]:
                raise UserError(f"end_token_ids holds {number}, a token of text: only special tokens end an answer")
        self.further_signatures = {"score": Signature(self.score_batch, ("text", "continuation"), _SCORE_OUTPUTS)}
        self.chat_template, self.conversations = chat_template, None
        if chat_template is not None:
            self.conversations = Conversations(self, chat_template)
            # What exports keep is found among the attributes.
            self._rendered_tokenizer = self.conversations.tokenizer
            try:
                self.further_signatures["chat"] = self.conversations.signature()
            except UserError as error:
                self.not_served = (f"chat: {error}",)

    @property
    def max_source_length(self) -> int:
        """Prompt tokens beyond which the beginning of a prompt is left out."""
        return self.settings.max_source_length

    @property
    def controls(self) -> dict[str, Any]:
        """The per-row options of `predict_batch`: lengths, those of the search, stop strings, and what is said."""
        stop = TextControl(
            "",
            MOST_BYTES,
            "strings that end a text, with U+001E between them; empty for the exported ones, U+001E for none",
            ("e", f"the{SEPARATOR} ", SEPARATOR),
        )
        return {**super().controls, "stop": stop, "so_far": so_far_control(self)}

    @property
    def signatures(self) -> dict[str, Any]:
        """See `Task.signatures`; the one with the controls says as well what a call that goes on needs."""
        found = super().signatures
        outputs = {**self.outputs, **RESUMPTION}
        generate = replace(found[self.controls_signature], function=self.resumable_batch, outputs=outputs)
        return {**found, self.controls_signature: generate}

    def predict_batch(self, *texts: Any, **given: Any) -> dict[str, Any]:
        """The continuations of one batch; see `Task.predict_batch`. Each output has shape [B]."""
        found = self.resumable_batch(*texts, **given)
        return {name: found[name] for name in self.outputs}

    def resumable_batch(self, *texts: Any, **given: Any) -> dict[str, Any]:
        """`predict_batch` with what a later call needs to go on, so that a text can be had in parts.

        Parts together are the text of one call, but for rounding. Each call gets the `token_ids` of the one before as
        its `so_far`, and a larger `max_new_tokens`: all controls mean the whole continuation, as do `text` and
        `num_tokens`; `score` is that of the tokens which this call has chosen.

        Args:
            texts, given: As of `predict_batch`.

        Returns:
            As of `predict_batch`, and `token_ids`, string [B], ids with blanks between them; `finished`, bool [B],
            whether the continuation has come to its end; `settled_bytes`, int32 [B], how many bytes of the text nothing
            that follows can change; `prompt_tokens`, int32 [B], how many tokens of the prompt were read.
        """
        return super().predict_batch(*texts, **given)

    @property
    def _vocabulary_size(self):
        return self.model.vocabulary_size

    def score_batch(self, text: Any, continuation: Any) -> dict[str, Any]:
        """Log-probabilities of continuations; what exports serve as `score`.

        Args:
            text: string tensor [B], what comes before.
            continuation: string tensor [B].

        Returns:
            `score`, float32 [B], the sum of the log-probabilities of the continuation's tokens, 0 for an empty one;
            `num_tokens`, int32 [B]; `truncated`, bool [B], whether both are too long for the model's context, so that
            their beginning was left out.
        """
        texts, _, rows = with_a_row({}, {"text": text, "continuation": continuation}, {})
        prompt, _ = self._encode_prompts(texts["text"], None)
        tokens = tf.concat([prompt, self.tokenizer.encode(texts["continuation"])], axis=1)
        longest = self.model.max_sequence_length
        lengths = tf.cast(tokens.row_lengths(), tf.int32)
        scored = tf.minimum(lengths - tf.cast(prompt.row_lengths(), tf.int32), longest)
        truncated = lengths > longest + 1
        tokens = tokens[:, -longest - 1 :]
        lengths = tf.minimum(lengths, longest + 1)
        token_ids = tf.cast(tokens.to_tensor(default_value=self.tokenizer.eos_id), tf.int32)
        places = tf.range(1, tf.shape(token_ids)[1])[tf.newaxis]
        weights = tf.logical_and(places < lengths[:, tf.newaxis], places >= (lengths - scored)[:, tf.newaxis])
        inputs = {
            "token_ids": token_ids[:, :-1],
            "labels": token_ids[:, 1:],
            "weights": tf.cast(weights, tf.float32),
        }
        at_a_time = tf.maximum(_POSITIONS_AT_A_TIME // tf.shape(token_ids)[1], 1)
        (scores,) = self.run(self._score, Encoded(inputs, dict.fromkeys(inputs, 0), longest, at_a_time))
        outputs = {"score": tf.ensure_shape(scores, [None]), "num_tokens": scored, "truncated": truncated}
        return {name: value[:rows] for name, value in outputs.items()}

    def samples(
        self,
        texts: Any,
        n: int,
        *,
        batch_size: int | None = None,
        progress: bool = False,
        stop: Any = None,
        **controls: Any,
    ) -> Any:
        """Draws n continuations of each prompt; the first is what a call gives.

        Args:
            texts: A str or a list of str or bytes, the prompts.
            n: Continuations of a prompt.
            batch_size: Prompts at a time; 16 if None.
            progress: Whether to show a progress bar.
            stop: Strings at which continuations end, in place of the setting's.
            controls: A number for any other of `self.controls`.

        Returns:
            For each prompt a list of `Generation`, in the order they are drawn; for a single str just that list.

        Raises:
            UserError: as in a call.
        """
        if not isinstance(n, int) or isinstance(n, bool) or n < 1:
            raise UserError(f"n must be an integer of at least 1, got {n!r}")
        options = dict(batch_size=batch_size, progress=progress, stop=stop, **controls)
        return self._hypotheses([texts], n, self.settings.search, **options)

    def chat(self, messages: Any, *, tools: Any = None, documents: Any = None, **options: Any) -> Any:
        """What the assistant says next in a conversation.

        Control tokens of the chat template are read; the same text in a message stays text.

        Args:
            messages: The conversation, a list of dicts such as `{"role": "user", "content": "Hello"}`; or a list of
                conversations.
            tools: JSON schemas of functions, for templates that know them.
            documents: Texts to answer from, for templates that know them.
            options: As of a call.

        Returns:
            A str; for a list of conversations a list of str.

        Raises:
            UserError: for a model without a chat template, for what the template refuses, and as in a call.

        Example:
            >>> generator.chat([{"role": "user", "content": "What is the capital of France?"}])
            'The capital of France is Paris.'
        """
        if self.chat_template is None:
            raise UserError("the model has no chat template; generate from a text instead")
        several = isinstance(messages, (list, tuple)) and bool(messages) and isinstance(messages[0], (list, tuple))
        conversations = messages if several else [messages]
        texts = [self.conversations.rendered(each, tools, documents) for each in conversations]
        answers = self.conversations.generator(texts, **options)
        return answers if several else answers[0]

    def _hypotheses(self, texts, num_return, search, *, stop=None, **options):
        stop = {} if stop is None else {"stop": joined_stop_strings(stop) or SEPARATOR}
        return super()._hypotheses(texts, num_return, search, **stop, **options)

    def score(self, texts: Any, continuations: Any, *, batch_size: int | None = None, progress: bool = False) -> Any:
        """How probable continuations of texts are.

        Args:
            texts: A str or a list of str or bytes, what comes before.
            continuations: As many; a str for a str.
            batch_size: Pairs at a time; 16 if None.
            progress: Whether to show a progress bar.

        Returns:
            A `ContinuationScore`, or a list of them in the order of `texts`.

        Raises:
            UserError: if an input is not str or bytes, and for unequal numbers.
        """
        return self.answer(
            "score",
            self.further_signatures["score"],
            [texts, continuations],
            unpack=_continuation_scores,
            batch_size=batch_size,
            progress=progress,
        )

    def choose(self, text: Any, choices: Any) -> dict[str, float]:
        """How probable each of several continuations is among them: zero- and few-shot classification.

        Args:
            text: A str, such as a prompt of a `PromptTemplate`.
            choices: Strings that may follow.

        Returns:
            dict from choice to probability; they sum to 1. The dict is in the order of falling probability.

        Raises:
            UserError: for fewer than two choices, or the same one twice.
        """
        choices = list(choices)
        if len(choices) < 2 or len(set(choices)) < len(choices):
            raise UserError(f"choices must be at least two different texts, got {choices!r}")
        log_probs = np.array([found.log_prob for found in self.score([text] * len(choices), choices)])
        shares = np.exp(log_probs - log_probs.max())
        shares /= shares.sum()
        return {choices[i]: float(shares[i]) for i in np.argsort(-shares, kind="stable")}

    def encode(self, text: Any, stop: Any, so_far: Any, search: Any, num_return: int, **controls: Any) -> Any:
        """Tokens of prompts and the options of their rows; see `Task.encode`."""
        said = read_token_ids(so_far)
        num_before = tf.cast(said.row_lengths(), tf.int32)
        before = tf.strings.reduce_join(tf.gather(tf.constant(self.tokenizer.token_bytes, tf.string), said), axis=1)
        stop = tf.repeat(tf.where(stop == "", self._stop, stop), num_return)
        stop = StopStrings(stop, self.tokenizer.token_bytes, tf.repeat(before, num_return))
        if "seed" in controls:
            # Other prompts get other random numbers, or all texts of one seed would take the same turns.
            of_text = tf.cast(tf.strings.to_hash_bucket_fast(text, LARGEST_SEED), tf.int32)
            controls["seed"] = tf.bitwise.bitwise_xor(controls["seed"], of_text)
        prompt, truncated = self._encode_prompts(text, self.max_source_length)
        tokens = tf.concat([prompt, tf.cast(said, prompt.dtype)], axis=1)
        lengths = tf.cast(tokens.row_lengths(), tf.int32)
        for limit in ("max_new_tokens", "min_new_tokens"):
            controls[limit] = tf.maximum(controls[limit] - num_before, 0)
        token_ids = tf.cast(tokens.to_tensor(default_value=self.tokenizer.eos_id), tf.int32)
        before = lengths - 1
        loop_length = tf.maximum(tf.reduce_max(controls["max_new_tokens"]), 1)
        return Encoded(
            {
                # The loop reads the last token itself; all before it are read at once.
                "prompt_token_ids": token_ids[:, :-1],
                "prompt_mask": tf.sequence_mask(before, tf.shape(token_ids)[1] - 1, dtype=tf.int32),
                "start_ids": tf.gather(token_ids, before, batch_dims=1),
                "num_before": num_before,
                **controls,
            },
            padding={"prompt_token_ids": self.tokenizer.eos_id, "prompt_mask": 0},
            longest=self.max_source_length + self.settings.max_new_tokens - 1,
            options={
                "loop_length": loop_length_in_backend(loop_length, self.settings.max_new_tokens),
                "stop": stop.in_backend(),
            },
            kept={
                "stop": stop,
                "said": said,
                "truncated": truncated[:, tf.newaxis],
                "prompt_tokens": tf.cast(prompt.row_lengths(), tf.int32)[:, tf.newaxis],
            },
        )

    def decode(self, results: Any, kept: Any) -> dict[str, Any]:
        """What `resumable_batch` gives, [B, num_return] each."""
        found, counts, scores = results
        shape = tf.shape(scores)
        said = tf.gather(kept["said"], tf.repeat(tf.range(shape[0]), shape[1]))
        found = tf.RaggedTensor.from_tensor(tf.reshape(found, [-1, tf.shape(found)[-1]]), tf.reshape(counts, [-1]))
        found = tf.concat([said, tf.cast(found, said.dtype)], axis=1)
        num_tokens = tf.cast(found.row_lengths(), tf.int32)
        whole = self.tokenizer.decode(found)
        texts = kept["stop"].cut(whole)
        stopped = tf.strings.length(texts) < tf.strings.length(whole)
        finished = stopped | (num_tokens < tf.repeat(kept["max_new_tokens"], shape[1]))
        settled = tf.minimum(self.tokenizer.settled_bytes(found), tf.strings.length(texts) - kept["stop"].may_begin())
        settled = tf.strings.substr(texts, tf.zeros_like(settled), tf.maximum(settled, 0))
        # Less what a character lacks its end of.
        settled = tf.strings.length(tf.strings.unicode_transcode(settled, "UTF-8", "UTF-8", errors="ignore"))
        answers = {
            "text": texts,
            "score": scores,
            "num_tokens": num_tokens,
            "truncated": tf.broadcast_to(kept["truncated"], shape),
            "token_ids": joined_token_ids(found),
            "finished": finished,
            "settled_bytes": tf.where(finished, tf.strings.length(texts), settled),
            "prompt_tokens": tf.broadcast_to(kept["prompt_tokens"], shape),
        }
        return {name: tf.reshape(value, shape) for name, value in answers.items()}

    def _encode_prompts(self, text, longest):
        """Tokens of prompts, at least one each: int32 [B, None], cut to the last `longest`; and which were cut."""
        tokens = self.tokenizer.encode(text)
        begins = tf.ones_like(tokens.row_lengths()) if self.settings.begin_token else tokens.row_lengths() == 0
        begins = tf.cast(begins, tokens.row_splits.dtype)
        begin_id = self.tokenizer.bos_id if self.settings.begin_token else None
        begin_id = self.tokenizer.eos_id if begin_id is None else begin_id
        begin = tf.RaggedTensor.from_row_lengths(
            tf.fill([tf.reduce_sum(begins)], tf.constant(begin_id, tokens.dtype)), begins
        )
        tokens = tf.concat([begin, tokens], axis=1)
        if longest is None:
            return tokens, tf.zeros([tokens.nrows()], tf.bool)
        return tokens[:, -longest:], tokens.row_lengths() > longest

    def compute(
        self,
        *,
        prompt_token_ids: Any,
        prompt_mask: Any,
        start_ids: Any,
        max_new_tokens: Any,
        min_new_tokens: Any,
        num_before: Any,
        loop_length: Any,
        search: Any,
        num_return: int,
        stop: Any,
        **controls: Any,
    ) -> tuple:
        """Tokens int32 [B, n, L], their numbers int32 [B, n] and scores float32 [B, n], in backend operations."""
        model, eos_id = self.model, self.tokenizer.eos_id
        assert eos_id is not None, "the constructor has seen to it"
        room = 0 if state_grows() else loop_length
        cache, step = model.after_prompts(prompt_token_ids, prompt_mask, room, search.num_sequences(num_return))
        # What stands before the continuation counts as said.
        context = keras.ops.concatenate([prompt_token_ids, start_ids[:, None]], axis=1)
        context_mask = keras.ops.concatenate([prompt_mask, keras.ops.ones_like(start_ids)[:, None]], axis=1)
        options = DecodeOptions(
            eos_id=self.end_ids,
            pad_id=eos_id,
            max_new_tokens=max_new_tokens,
            min_new_tokens=min_new_tokens,
            loop_length=loop_length,
            no_repeat_ngram_size=self.settings.no_repeat_ngram_size,
            num_before=num_before,
            context_token_ids=context,
            context_mask=context_mask,
            # A model may have more numbers than the tokenizer has tokens.
            token_rules=TokenRules(tuple(range(self.tokenizer.vocabulary_size, model.vocabulary_size))),
            stop=stop.hook(),
            lengthen=model.lengthened if state_grows() else None,
        )
        found = search(step, cache, start_ids, options, num_return=num_return, **controls)
        return found.token_ids, found.lengths, found.log_probs

    def _score(self, *, token_ids, labels, weights):
        """Sums of log-probabilities of labels, float32 [B], in backend operations."""
        log_probs = self.model.log_probs(token_ids, labels)
        return (keras.ops.sum(keras.ops.where(weights > 0, log_probs, 0.0), axis=1),)


def _continuation_scores(outputs):
    columns = (outputs[name].tolist() for name in ("score", "num_tokens", "truncated"))
    return [ContinuationScore(*row) for row in zip(*columns, strict=True)]
