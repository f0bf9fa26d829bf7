"""Fine-tunes a language model on preferences: direct preference optimisation."""

import dataclasses

import keras
import numpy as np

from recipes.language_modeling.config import check_data_options
from recipes.language_modeling.raw_text import LanguageModeling, load_generator
from recipes.skeleton.run_plan import UpdatesByData
from recipes.vocabularies.added_tokens import add_to_pretrained
from zoo.data import ConversationTokens, PreferenceBatches, PreferenceLines
from zoo.errors import UserError
from zoo.models import PreferenceScorer
from zoo.training import DirectPreferenceLoss, PreferenceNegativeLogLikelihood, RewardAccuracy, RewardMargin

_EXAMPLES = 20


class PreferenceModeling(LanguageModeling):
    """Answers that were chosen and rejected, with a pretrained language model, which is the reference as it begins."""

    leaves = "preset and learning curve"
    updates = UpdatesByData(passes=1, least=100, most=20_000)

    def open_data(self):
        """Preferences to train on and to validate with."""
        config = self.config
        check_data_options(config)
        files = [PreferenceLines(paths) for paths in (config.train, config.validation)]
        self.names, self.texts = [file.name for file in files], [list(file) for file in files]

    def start(self):
        """The pretrained model, as it scores two answers."""
        config = self.config
        self.generator = load_generator(config)
        for preference in (each for text in self.texts for each in text):
            if not isinstance(preference.prompt, str) and self.generator.chat_template is None:
                raise UserError(
                    f"{preference.where}: {config.pretrained} has no chat template, which messages are written by"
                )
        decoder, tokenizer = add_to_pretrained(self.generator.model, self.generator.tokenizer, config.add_token)
        model = PreferenceScorer(decoder)
        model.build()
        return model, (tokenizer,)

    def batches(self):
        """Pairs of answers behind their prompts, with their log-probabilities by the model before its first update."""
        config, task = self.config, self.make_task(self.model)
        eos_id = self.tokenizers[0].eos_id
        assert eos_id is not None, "a TextGenerator has one"
        self.blocks = [
            PreferenceBatches(
                [_pair(task, preference) for preference in text],
                batch_size=config.batch_size,
                max_length=config.context,
                pad_id=eos_id,
                seed=config.seed,
                shuffle=training,
            )
            for text, training in zip(self.texts, (True, False), strict=True)
        ]
        for blocks in self.blocks:
            blocks.references = self._log_probs(blocks)
        return self.blocks

    def _log_probs(self, blocks):
        """Log-probabilities of all answers, float32 [N, 2]; computed once, so that no second model is needed."""
        return np.concatenate(
            [_scored(self.model, x)[weights > 0] for x, _, weights in blocks.in_order()], dtype=np.float32
        )

    def loss(self):
        """That of direct preference optimisation."""
        return DirectPreferenceLoss(self.config.dpo_beta)

    def validation_metrics(self):
        """The loss, and how rewards compare."""
        beta = self.config.dpo_beta
        return [PreferenceNegativeLogLikelihood(beta), RewardAccuracy(beta), RewardMargin(beta)]

    def data_lines(self):
        """Preferences of both texts, and what is not read of them."""
        for name, blocks in zip(self.names, self.blocks, strict=True):
            left = f"; {blocks.num_left_out:,} left out, longer than {self.config.context:,} tokens"
            yield (
                f"{name}: {len(blocks):,} preferences{left if blocks.num_left_out else ''}, "
                f"{blocks.num_batches():,} batches"
            )

    def make_task(self, model, examples=()):
        """The generator as it was loaded, over the model."""
        generator = self.generator
        settings = dataclasses.replace(generator.settings, max_source_length=None)
        return type(generator)(model.decoder, self.tokenizers[0], settings, examples, generator.chat_template)

    def callbacks(self):
        """None: samples of text are for raw text."""
        return []

    def counted(self):
        """The language model."""
        return self.model.decoder

    def examples(self):
        """Prompts of the validation data."""
        prompts = [
            each.prompt if isinstance(each.prompt, str) else each.prompt[-1]["content"]
            for each in self.texts[1]
            if each.prompt
        ]
        return prompts[:_EXAMPLES]

    def evaluate(self):
        """Loss, accuracy and margin of rewards on the validation data."""
        scorer = PreferenceScorer(self.task.model)
        scorer.build()
        found = self.validation.evaluate(scorer)
        return {
            "split": "validation",
            "preferences": len(self.blocks[1]),
            "scores": {name: found[name] for name in ("nll", "reward_accuracy", "reward_margin")},
        }

    def report(self, results):
        """Prints the scores."""
        scores = results["scores"]
        self.say(
            f"validation, {results['preferences']:,} preferences: loss {scores['nll']:.4f} (before training 0.6931), "
            f"rewards of chosen answers higher in {scores['reward_accuracy']:.1%}, by {scores['reward_margin']:.3f} on "
            "average"
        )


def _pair(task, preference):
    """`ConversationTokens` of the prompt with the chosen, and with the rejected answer."""
    return _text(task, preference, preference.chosen), _text(task, preference, preference.rejected)


def _text(task, preference, answer):
    if isinstance(answer, str):
        prompt, said = (row for row in task.tokenizer.encode([preference.prompt, answer]).to_list())
        prompt = [*([_begin_id(task)] if task.settings.begin_token or not prompt else []), *prompt]
        token_ids = np.array([*prompt, *said, task.tokenizer.eos_id], np.int32)
        return ConversationTokens(token_ids, np.arange(len(token_ids)) >= len(prompt))
    try:
        found = task.conversations.tokens([*preference.prompt, *answer])
        # Answers of the assistant that the prompt holds are no part of the preference.
        before = sum(message["role"] == "assistant" for message in preference.prompt)
        held = task.conversations.tokens(preference.prompt).token_ids if before else found.token_ids[:0]
    except UserError as error:
        raise UserError(f"{preference.where}: {error}") from error
    return ConversationTokens(found.token_ids, found.learned & (np.arange(len(found.token_ids)) >= len(held)))


def _begin_id(task):
    tokenizer = task.tokenizer
    return tokenizer.eos_id if tokenizer.bos_id is None else tokenizer.bos_id


def _scored(model, x):
    """What a model says of a batch, numpy [B, 2]."""
    if keras.config.backend() != "torch":
        return keras.ops.convert_to_numpy(model(x, training=False))
    import torch

    with torch.no_grad():
        return keras.ops.convert_to_numpy(model(x, training=False))
