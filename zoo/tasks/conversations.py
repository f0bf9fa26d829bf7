"""Conversations of a text generator: rendered by its chat template, in Python and inside a graph."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from zoo.data import ConversationTokens
from zoo.errors import UserError
from zoo.tasks.chat_pieces import HISTORY, ChatPieces
from zoo.tasks.chat_template import ChatTemplate
from zoo.tasks.controls import with_a_row
from zoo.tasks.resumption import RESUMPTION
from zoo.tasks.signature import Signature
from zoo.tasks.text_control import SEPARATOR, TextControl
from zoo.tokenizers.added_tokens.rendered_text import RenderedTextTokenizer
from zoo.tokenizers.clean_text import clean_text, replace_surrogates

_MOST_BYTES = 2**20
_ROLES = ("bos", "eos", "pad", "unk")


class Conversations:
    """What a text generator says as the assistant of a conversation.

    The control tokens of the template are read, as everywhere; what users and others say stays text, whatever it is.

    Attributes:
        template: `ChatTemplate`.
        tokenizer: `RenderedTextTokenizer`.
        generator: The `TextGenerator` of rendered conversations.
    """

    def __init__(self, generator, source):
        """Takes over model and settings of a generator.

        Args:
            generator: `TextGenerator`.
            source: The chat template.

        Raises:
            UserError: for a template that is not valid, and for a tokenizer whose control tokens users could write.
        """
        tokenizer, ids = generator.tokenizer, {}
        for role in _ROLES:
            number = getattr(tokenizer, f"{role}_id")
            if number is not None:
                ids[f"{role}_token"] = tokenizer.id_to_token([number])[0]
        self.template = ChatTemplate(source, ids)
        self.tokenizer = RenderedTextTokenizer(tokenizer)
        # The template writes the begin token.
        settings = dataclasses.replace(generator.settings, begin_token=False)
        self.generator = type(generator)(generator.model, self.tokenizer, settings)

    def rendered(self, messages, tools=None, documents=None, *, add_generation_prompt=True) -> str:
        """A conversation as the text that `generator` reads.

        Args:
            messages, tools, documents, add_generation_prompt: As of `ChatTemplate.render`.

        Raises:
            UserError: see `ChatTemplate.render`.
        """
        if not isinstance(messages, (list, tuple)):
            raise UserError(f"a conversation is a list of messages, got {messages!r:.80}")
        spell = functools.partial(_spelled, self.tokenizer.literal)
        messages = [
            {key: value if key == "role" else spell(value) for key, value in message.items()}
            if isinstance(message, dict)
            else message
            for message in messages
        ]
        variables = self.generator.settings.chat_variables
        return self.template.render(
            messages,
            tools=spell(tools),
            documents=spell(documents),
            add_generation_prompt=add_generation_prompt,
            **variables,
        ).text

    def tokens(self, messages, tools=None) -> ConversationTokens:
        """A conversation as the model has read and written it, up to the last answer, for training.

        Every answer is a text of its own behind what asks for it, as when it is generated. What a template writes
        behind the end token of an answer belongs to the next message.

        Raises:
            UserError: for a template that writes earlier messages otherwise once others follow, so that no single text
                is what the model read at each turn; and as of `rendered`.
        """
        parts, so_far = [], ""
        for number, message in enumerate(messages):
            if message.get("role") != "assistant":
                continue
            asked = self.rendered(messages[:number], tools)
            said = self.rendered(messages[: number + 1], tools, add_generation_prompt=False)
            if not (asked.startswith(so_far) and said.startswith(asked)):
                raise UserError(
                    f"the chat template writes what comes before message {number} otherwise once it follows; give each "
                    "answer a conversation of its own, without thoughts in earlier answers"
                )
            parts += [(asked[len(so_far) :], False), (said[len(asked) :], True)]
            so_far = said
        ids = [np.array(row, np.int32) for row in self.tokenizer.encode([text for text, _ in parts]).to_list()]
        learned = [
            _until_end(row, self.generator.end_ids) if is_answer else np.zeros(len(row), bool)
            for row, (_, is_answer) in zip(ids, parts, strict=True)
        ]
        return ConversationTokens(np.concatenate(ids), np.concatenate(learned))

    def signature(self) -> Signature:
        """What exports serve as `chat`.

        Raises:
            UserError: for a template that cannot be followed inside a graph, saying where.
        """
        generator = self.generator
        pieces = ChatPieces(self.template, generator.settings.chat_variables)
        said = {
            "history": TextControl(
                "",
                _MOST_BYTES,
                "earlier messages, the user's and the assistant's in turn, with U+001E between them",
                ("", f"Who is it?{SEPARATOR}A man.", SEPARATOR.join(["One", " two\n", "", "four"])),
                pattern=HISTORY,
                rule="end with a message of the assistant",
            )
        }
        if pieces.takes_system:
            trials = ("", "Answer in one word.", " <b>\n")
            said["system"] = TextControl("", _MOST_BYTES, "the system's message; empty for none", trials)

        def answer(user, **given):
            """Answers to the last messages of users, string [B]; see `TextGenerator.predict_batch`."""
            texts = {name: given.pop(name, "") for name in said}
            texts, told, rows = with_a_row(said, {"user": user}, texts)
            told = {name: clean_text(text) for name, text in told.items()}
            conversations = pieces.graph(clean_text(texts["user"]), **told, spell=self.tokenizer.literal.spell)
            return generator.resumable_batch(conversations[:rows], **given)

        outputs = {**generator.outputs, **RESUMPTION, "text": "what the assistant says"}
        return Signature(answer, ("user",), outputs, {**said, **generator.controls}, draws=generator.draws)


def _until_end(token_ids, end_ids):
    """Which tokens come up to the first end token, bool [T]; all if there is none."""
    ends = np.flatnonzero(np.isin(token_ids, end_ids))
    return np.arange(len(token_ids)) <= (ends[0] if len(ends) else len(token_ids))


def _spelled(literal: Callable, value: Any) -> Any:
    """A JSON value whose texts hold no control token."""
    if isinstance(value, str):
        return literal.spelled(replace_surrogates(value))
    if isinstance(value, dict):
        return {key: _spelled(literal, each) for key, each in value.items()}
    return [_spelled(literal, each) for each in value] if isinstance(value, (list, tuple)) else value
