"""Fine-tunes a language model on conversations, of which it learns the answers."""

import dataclasses
import math

from recipes.language_modeling.config import check_data_options
from recipes.language_modeling.raw_text import LanguageModeling, load_generator
from recipes.vocabularies.added_tokens import add_to_pretrained
from zoo.data import ConversationBlocks, ConversationLines
from zoo.errors import UserError

_EXAMPLES = 20


class ConversationModeling(LanguageModeling):
    """The answers of conversations, whole ones side by side in a row, with a pretrained language model."""

    leaves = "preset and learning curve"

    def open_data(self):
        """Conversations to train on and to validate with."""
        config = self.config
        check_data_options(config)
        files = [ConversationLines(paths, config.messages_field) for paths in (config.train, config.validation)]
        self.names, self.texts = [file.name for file in files], [list(file) for file in files]

    def start(self):
        """The pretrained model, with its chat template and its settings."""
        config = self.config
        self.generator = load_generator(config)
        if self.generator.chat_template is None:
            raise UserError(f"{config.pretrained} has no chat template, which conversations are written by")
        model, tokenizer = add_to_pretrained(self.generator.model, self.generator.tokenizer, config.add_token)
        return model, (tokenizer,)

    def batches(self):
        """Rows of whole conversations."""
        config, conversations = self.config, self.make_task(self.model).conversations
        eos_id = self.tokenizers[0].eos_id
        assert eos_id is not None, "a TextGenerator has one"
        self.blocks = [
            ConversationBlocks(
                [_tokens(conversations, messages, where) for messages, where in text],
                block_length=config.context,
                batch_size=config.batch_size,
                pad_id=eos_id,
                seed=config.seed,
                shuffle=training,
            )
            for text, training in zip(self.texts, (True, False), strict=True)
        ]
        return self.blocks

    def data_lines(self):
        """Conversations of both texts, and what is not read of them."""
        for name, blocks in zip(self.names, self.blocks, strict=True):
            cut = f", {blocks.num_cut:,} of them cut to {self.config.context:,} tokens" if blocks.num_cut else ""
            left = f"; {blocks.num_left_out:,} left out, with no answer in that many" if blocks.num_left_out else ""
            yield (
                f"{name}: {blocks.num_conversations:,} conversations{cut}{left}; {blocks.num_learned:,} tokens of "
                f"answers, {blocks.num_batches():,} batches"
            )

    def make_task(self, model, examples=()):
        """The generator as it was loaded, over the model."""
        generator = self.generator
        settings = dataclasses.replace(generator.settings, max_source_length=None)
        return type(generator)(model, self.tokenizers[0], settings, examples, generator.chat_template)

    def callbacks(self):
        """None: samples of text are of prompts, not of conversations."""
        return []

    def examples(self):
        """First messages of users in the validation data."""
        users = (
            message["content"] for messages, _ in self.texts[1] for message in messages if message["role"] == "user"
        )
        return [text for text, _ in zip(users, range(_EXAMPLES), strict=False)]

    def evaluate(self):
        """Perplexity of the answers of the validation data."""
        found = self.validation.evaluate(self.task.model)
        return {
            "split": "validation",
            "conversations": self.blocks[1].num_conversations,
            "answers": {
                "nll": found["nll"],
                "perplexity": math.exp(found["nll"]),
                "tokens": self.blocks[1].num_learned,
            },
        }

    def report(self, results):
        """Prints the perplexity, and the first conversation with what the model now answers."""
        answers = results["answers"]
        self.say(f"answers: nll {answers['nll']:.4f}, perplexity {answers['perplexity']:.2f} per token")
        messages, _ = self.texts[1][0]
        last = max(number for number, message in enumerate(messages) if message["role"] == "assistant")
        if last:
            self.say(f"--- {messages[last - 1]['content']}")
            self.say(self.task.chat(messages[:last], max_new_tokens=min(64, self.task.settings.max_new_tokens)))


def _tokens(conversations, messages, where):
    try:
        return conversations.tokens(messages)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
