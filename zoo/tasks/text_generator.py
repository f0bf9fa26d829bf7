"""Text generation: a prompt in, its continuation out; and the probability of given continuations."""

import functools
from dataclasses import asdict
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from zoo.checkpoints.preset import save_preset
from zoo.errors import UserError
from zoo.generation import TokenRules, sample
from zoo.tasks.controls import check_controls, with_a_row
from zoo.tasks.examples import save_examples
from zoo.tasks.generation_settings import LARGEST_SEED, SMALLEST_TOP_P, GenerationSettings, within_positions
from zoo.tasks.inference import SMALLEST_COMPILED_LENGTH, call_in_backend, rounded_up
from zoo.tasks.inference_functions import InferenceFunctions
from zoo.tasks.row_parts import in_parts
from zoo.tasks.stop_strings import MOST_BYTES, SEPARATOR, StopStrings, joined_stop_strings
from zoo.tasks.task import Control, Task, TextControl, TextSignature
from zoo.tasks.text_batches import check_texts, map_in_batches

# Positions that go through the model at a time when texts are scored: each has logits of the whole vocabulary.
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


class TextGenerator(Task):
    """Continues text with a language model such as GPT-2.

    A prompt longer than `max_source_length` tokens loses its beginning, and the answer says so (`truncated`). An empty
    prompt asks for a text from its beginning. Blanks are prompts like all others.

    Args:
        model: A `zoo.models.GPT2`.
        tokenizer: `zoo.tokenizers.BytePairTokenizer` with an end token.
        settings: `GenerationSettings`.
        examples: Prompts to verify exports with; saved in the preset.

    Raises:
        UserError: if the tokenizer does not fit the model, or the settings do not.

    Example:
        >>> generator = zoo.load("runs/language_modeling")
        >>> generator("ROMEO:", temperature=0.8, seed=3)
        ' I will not stay ...'
    """

    def __init__(self, model, tokenizer, settings=None, examples=()):
        if not model.built:
            model.build()
        self.model = model
        self.tokenizer = tokenizer
        self.examples = list(examples)
        if tokenizer.eos_id is None:
            raise UserError("the tokenizer has no end token, which text generation needs")
        if tokenizer.vocabulary_size > model.vocabulary_size:
            raise UserError(
                f"the tokenizer has {tokenizer.vocabulary_size} tokens but the model {model.vocabulary_size}; "
                "they must belong together"
            )
        self.settings = within_positions(settings or GenerationSettings(), model.max_sequence_length)
        self._stop = joined_stop_strings(self.settings.stop)
        self.further_signatures = {"score": TextSignature(self.score_batch, ("text", "continuation"))}
        self._functions = InferenceFunctions()

    @property
    def max_source_length(self):
        """Prompt tokens beyond which the beginning of a prompt is left out."""
        return self.settings.max_source_length

    @property
    def draws(self):
        """Whether tokens are drawn unless a request asks for the most probable ones."""
        return self.settings.temperature > 0

    @property
    def controls(self):
        """The per-row options of `predict_batch`."""
        settings, most = self.settings, self.settings.max_new_tokens
        return {
            "max_new_tokens": Control("int32", most, 1, most, "most tokens, end token included"),
            "min_new_tokens": Control("int32", settings.min_new_tokens, 0, most, "least tokens before the end token"),
            "temperature": Control("float32", settings.temperature, 0.0, 100.0, "0 takes the most probable token"),
            "top_k": Control(
                "int32", settings.top_k, 0, self.model.vocabulary_size, "draw from the k most probable; 0 from all"
            ),
            "top_p": Control(
                "float32", settings.top_p, SMALLEST_TOP_P, 1.0, "draw from the most probable of this probability"
            ),
            "min_p": Control("float32", settings.min_p, 0.0, 1.0, "least probability, as a share of the largest"),
            "repetition_penalty": Control(
                "float32", settings.repetition_penalty, 0.1, 10.0, "above 1 against tokens that occurred"
            ),
            "seed": Control("int32", settings.seed, -LARGEST_SEED - 1, LARGEST_SEED, "of the random numbers"),
            "stop": TextControl(
                "",
                MOST_BYTES,
                "strings that end a text, with U+001E between them; empty for the exported ones, U+001E for none",
                ("e", f"the{SEPARATOR} ", SEPARATOR),
            ),
        }

    def predict_batch(self, text, **controls):
        """Continuations of one batch of prompts; see `Task.predict_batch`.

        Args:
            text: string tensor of shape [B].
            controls: Any of `self.controls`.

        Returns:
            `text`, string [B]; `score`, float32 [B], the sum of the model's log-probabilities of the tokens;
            `num_tokens`, int32 [B], how many these are, an end token not counted; `truncated`, bool [B], whether the
            beginning of a prompt was left out.
        """
        outputs = self._continue_batch(text, controls, num_samples=1)
        return {name: value if name == "truncated" else value[:, 0] for name, value in outputs.items()}

    def score_batch(self, text, continuation):
        """Log-probabilities of continuations; what exports serve as `score`.

        Args:
            text: string tensor [B], what comes before.
            continuation: string tensor [B].

        Returns:
            `score`, float32 [B], the sum of the log-probabilities of the continuation's tokens, 0 for an empty one;
            `num_tokens`, int32 [B]; `truncated`, bool [B], whether both are too long for the model's context, so that
            their beginning was left out.
        """
        text, _, rows = with_a_row({}, text, {})
        continuation = tf.concat([continuation, tf.fill([tf.shape(text)[0] - rows], "")], axis=0)
        prompt, _ = self._encode_prompts(text, None)
        tokens = tf.concat([prompt, self.tokenizer.encode(continuation)], axis=1)
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
        all_rows = tf.shape(token_ids)[0]
        score = self._functions.compiled(self.model, self._score)

        def part(start):
            stop = tf.minimum(start + at_a_time, all_rows)
            padding = dict.fromkeys(inputs, 0)
            return call_in_backend(score, {name: value[start:stop] for name, value in inputs.items()}, padding, longest)

        (scores,) = in_parts(part, all_rows, at_a_time, (tf.float32,))
        outputs = {"score": tf.ensure_shape(scores, [None]), "num_tokens": scored, "truncated": truncated}
        return {name: value[:rows] for name, value in outputs.items()}

    def unpack(self, outputs):
        """The continuations, a list of str."""
        return [text.decode("utf-8") for text in outputs["text"]]

    def __call__(self, texts, *, batch_size=16, progress=False, stop=None, **controls):
        """Continues a str or a list of any length.

        Args:
            texts: A str or a list of str or bytes, the prompts.
            batch_size: Prompts at a time.
            progress: Whether to show a progress bar.
            stop: Strings at which continuations end, in place of the setting's.
            controls: A number for any other of `self.controls`.

        Returns:
            A str, or a list of str in the order of `texts`: the continuations alone.

        Raises:
            UserError: for texts that are none and for options unknown or out of bounds, naming them.
        """
        found = self.samples(texts, 1, batch_size=batch_size, progress=progress, stop=stop, **controls)
        if isinstance(texts, (str, bytes)):
            return found[0].text
        return [samples[0].text for samples in found]

    def samples(self, texts, n, *, batch_size=16, progress=False, stop=None, **controls):
        """Draws n continuations of each prompt; the first is what a call gives.

        Args:
            texts, batch_size, progress, stop, controls: As in a call.
            n: Continuations of a prompt.

        Returns:
            For each prompt a list of `Generation`, in the order they are drawn; for a single str just that list.

        Raises:
            UserError: as in a call.
        """
        texts, single = check_texts(texts)
        if not isinstance(n, int) or isinstance(n, bool) or n < 1:
            raise UserError(f"n must be an integer of at least 1, got {n!r}")
        if stop is not None:
            controls["stop"] = joined_stop_strings(stop) or SEPARATOR
        controls = check_controls(self.controls, controls)
        predict = self._predictor(n)

        def continued(batch):
            found = {name: value.numpy() for name, value in predict(tf.constant(batch, tf.string), controls).items()}
            return [
                [
                    Generation(text.decode("utf-8"), float(score), int(count), bool(truncated))
                    for text, score, count in zip(*columns, strict=True)
                ]
                for *columns, truncated in zip(
                    found["text"], found["score"], found["num_tokens"], found["truncated"], strict=True
                )
            ]

        results = map_in_batches(continued, texts, batch_size=batch_size, progress=progress, description="generating")
        return results[0] if single else results

    def score(self, texts, continuations, *, batch_size=16, progress=False):
        """How probable continuations of texts are.

        Args:
            texts: A str or a list of str or bytes, what comes before.
            continuations: As many; a str for a str.
            batch_size: Pairs at a time.
            progress: Whether to show a progress bar.

        Returns:
            A `ContinuationScore`, or a list of them in the order of `texts`.

        Raises:
            UserError: for texts that are none, and unequal numbers.
        """
        texts, single = check_texts(texts)
        continuations, single_continuation = check_texts(continuations)
        if len(texts) != len(continuations) or single != single_continuation:
            raise UserError(f"{len(texts)} texts and {len(continuations)} continuations; give one for each text")
        spec = tf.TensorSpec([None], tf.string)
        score = self._functions.traced(self.model, "score", self.score_batch, spec, spec)

        def scored(pairs):
            found = score(*(tf.constant(side, tf.string) for side in zip(*pairs, strict=True)))
            rows = zip(*(found[name].numpy() for name in ("score", "num_tokens", "truncated")), strict=True)
            return [ContinuationScore(float(value), int(count), bool(cut)) for value, count, cut in rows]

        results = map_in_batches(
            scored,
            list(zip(texts, continuations, strict=True)),
            batch_size=batch_size,
            progress=progress,
            description="scoring",
            length=lambda pair: len(pair[0]) + len(pair[1]),
        )
        return results[0] if single else results

    def choose(self, text, choices):
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

    def _predictor(self, num_samples):
        """`_continue_batch` for a number of samples, traced into a graph where the backend is TensorFlow."""

        def predict(text, controls):
            return self._continue_batch(text, controls, num_samples)

        controls = {name: tf.TensorSpec([], control.dtype) for name, control in self.controls.items()}
        key = (num_samples, self.settings)
        return self._functions.traced(self.model, key, predict, tf.TensorSpec([None], tf.string), controls)

    def _continue_batch(self, text, controls, num_samples):
        """Continuations, their scores and lengths, [B, num_samples] each, and whether prompts were cut, [B]."""
        text, controls, rows = with_a_row(self.controls, text, controls)
        stop = controls.pop("stop")
        stop = tf.repeat(tf.where(stop == "", self._stop, stop), num_samples)
        stop = StopStrings(stop, self.tokenizer.token_bytes)
        # Other prompts get other random numbers, or all texts of one seed would take the same turns.
        of_text = tf.cast(tf.strings.to_hash_bucket_fast(text, LARGEST_SEED), tf.int32)
        controls["seed"] = tf.bitwise.bitwise_xor(controls["seed"], of_text)
        tokens, truncated = self._encode_prompts(text, self.max_source_length)
        lengths = tf.cast(tokens.row_lengths(), tf.int32)
        token_ids = tf.cast(tokens.to_tensor(default_value=self.tokenizer.eos_id), tf.int32)
        before = lengths - 1
        inputs = {
            # The loop reads the last token itself; all before it are read at once.
            "prompt_token_ids": token_ids[:, :-1],
            "prompt_mask": tf.sequence_mask(before, tf.shape(token_ids)[1] - 1, dtype=tf.int32),
            "start_ids": tf.gather(token_ids, before, batch_dims=1),
            **controls,
        }
        loop_length = tf.reduce_max(controls["max_new_tokens"])
        if keras.config.backend() != "tensorflow":
            loop_length = int(loop_length)
            if keras.config.backend() == "jax":
                loop_length = rounded_up(loop_length, SMALLEST_COMPILED_LENGTH, self.settings.max_new_tokens)
        found, counts, scores = call_in_backend(
            self._functions.compiled(self.model, self._generate, ("loop_length", "num_samples", "stop")),
            inputs,
            {"prompt_token_ids": self.tokenizer.eos_id, "prompt_mask": 0},
            self.max_source_length,
            loop_length=loop_length,
            num_samples=num_samples,
            stop=stop.in_backend(),
        )
        decoded = stop.cut(self.tokenizer.decode(tf.reshape(found, [-1, tf.shape(found)[-1]])))
        outputs = {"text": tf.reshape(decoded, tf.shape(scores)), "score": scores, "num_tokens": counts}
        return {name: value[:rows] for name, value in {**outputs, "truncated": truncated}.items()}

    def _encode_prompts(self, text, longest):
        """Tokens of prompts, at least one each: int32 [B, None], cut to the last `longest`; and which were cut."""
        tokens = self.tokenizer.encode(text)
        begins = tf.ones_like(tokens.row_lengths()) if self.settings.begin_token else tokens.row_lengths() == 0
        begins = tf.cast(begins, tokens.row_splits.dtype)
        begin = tf.RaggedTensor.from_row_lengths(
            tf.fill([tf.reduce_sum(begins)], tf.constant(self.tokenizer.eos_id, tokens.dtype)), begins
        )
        tokens = tf.concat([begin, tokens], axis=1)
        if longest is None:
            return tokens, tf.zeros([tokens.nrows()], tf.bool)
        return tokens[:, -longest:], tokens.row_lengths() > longest

    def _generate(self, *, prompt_token_ids, prompt_mask, start_ids, loop_length, num_samples, stop, seed, **controls):
        """Tokens int32 [B, n, L], their numbers int32 [B, n] and scores float32 [B, n], in backend operations."""
        model, eos_id = self.model, self.tokenizer.eos_id
        cache, step = model.after_prompts(prompt_token_ids, prompt_mask, loop_length, num_samples)
        # What stands before the continuation counts as said.
        context = keras.ops.concatenate([prompt_token_ids, start_ids[:, None]], axis=1)
        context_mask = keras.ops.concatenate([prompt_mask, keras.ops.ones_like(start_ids)[:, None]], axis=1)
        found = sample(
            step,
            cache,
            start_ids,
            seeds=seed,
            num_samples=num_samples,
            eos_id=eos_id,
            pad_id=eos_id,
            loop_length=loop_length,
            no_repeat_ngram_size=self.settings.no_repeat_ngram_size,
            context_token_ids=context,
            context_mask=context_mask,
            # A model may have more numbers than the tokenizer has tokens.
            token_rules=TokenRules(range(self.tokenizer.vocabulary_size, model.vocabulary_size)),
            stop=stop.hook(),
            **controls,
        )
        return found.token_ids, found.lengths, found.log_probs

    def _score(self, *, token_ids, labels, weights):
        """Sums of log-probabilities of labels, float32 [B], in backend operations."""
        logits = self.model({"token_ids": token_ids})
        chosen = keras.ops.take_along_axis(logits, labels[:, :, None], axis=-1)[:, :, 0]
        log_probs = chosen - keras.ops.logsumexp(logits, axis=-1)
        return (keras.ops.sum(keras.ops.where(weights > 0, log_probs, 0.0), axis=1),)

    def _of_settings(self, settings):
        return type(self)(self.model, self.tokenizer, settings, self.examples)

    def save(self, directory):
        """Writes the preset; see `zoo.load`.

        Args:
            directory: Where to write; made if needed. An earlier preset in it is replaced.

        Raises:
            UserError: if it cannot be written; an earlier preset then stays as it was.
        """
        save_preset(
            directory,
            task="TextGenerator",
            task_config={"settings": asdict(self.settings)},
            model=self.model,
            assets={
                "tokenizer": self.tokenizer.save,
                "examples.json": functools.partial(save_examples, self.examples),
            },
        )

    @classmethod
    def from_preset(cls, preset, load_tokenizer, examples):
        """The generator of a `zoo.checkpoints.Preset`; used by `zoo.load`."""
        tokenizer = load_tokenizer(preset.directory / "tokenizer")
        return cls(preset.model, tokenizer, GenerationSettings(**preset.task_config["settings"]), examples)
