"""Chat templates inside a graph: what a template puts around the messages of a conversation, found by asking it."""

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from zoo.errors import UserError
from zoo.tasks.chat_template import ChatTemplate
from zoo.tasks.text_control import SEPARATOR

HISTORY = rf"|[^{SEPARATOR}]*{SEPARATOR}[^{SEPARATOR}]*(?:{SEPARATOR}[^{SEPARATOR}]*{SEPARATOR}[^{SEPARATOR}]*)*"
"""Regular expression of histories that end with an answer."""
# What str.strip takes away.
_BLANKS = r"\x09-\x0d\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
_ENDS = (rf"^[{_BLANKS}]+", rf"[{_BLANKS}]+$")
_THOUGHT = "</think>"
_EARLIER = 3
# Contents that templates are known to change, or to take for something else than text.
_TRIALS = (
    "one",
    "",
    "  two\t",
    "\n\nthree \n",
    "\u3000four\xa0",
    "{{ five }} {% six %}",
    'it\'s "seven" \\n & <eight>',
    "nine\n\nten\n",
    "<think>\neleven\n</think>\n\ntwelve",
    "thirteen</think>",
    "été 猫 \U0001f600",
    "[INST] fourteen [/INST]",
)


@dataclass(frozen=True)
class _Change:
    """What a template does to a content: the same in Python and in a graph."""

    python: Callable
    graph: Callable


def _strip_graph(texts):
    for pattern in _ENDS:
        texts = tf.strings.regex_replace(texts, pattern, "", replace_global=False)
    return texts


def _answer_graph(texts):
    return tf.strings.regex_replace(texts, rf"(?s)^.*{_THOUGHT}\n*", "", replace_global=False)


def _answer(content):
    return content.rsplit(_THOUGHT, 1)[-1].lstrip("\n") if _THOUGHT in content else content


_CHANGES = (
    _Change(lambda content: content, lambda texts: texts),
    _Change(str.strip, _strip_graph),
    # What an assistant has thought is left out of what it has said, as by Qwen3's template.
    _Change(_answer, _answer_graph),
    _Change(lambda content: _answer(content).strip(), lambda texts: _strip_graph(_answer_graph(texts))),
)


@dataclass(frozen=True)
class _Around:
    """Texts around messages.

    Attributes:
        before_system: Before the system's message; None for a conversation without one.
        opening: Before the first message of the user, behind the system's.
        to_assistant, to_user: Between an earlier message of the user and its answer, and behind that answer.
        ending: Behind the last message.
    """

    before_system: str | None
    opening: str
    to_assistant: str
    to_user: str
    ending: str


class ChatPieces:
    """A chat template for conversations in which user and assistant take turns, as strings and in a graph.

    Attributes:
        takes_system: Whether there may be a message of the system.
    """

    def __init__(self, template: ChatTemplate, variables: dict | None = None):
        """Asks the template for conversations of different lengths and takes what is between the messages.

        Args:
            template: The template.
            variables: Further variables of the template, such as `{"enable_thinking": False}`.

        Raises:
            UserError: for a template that does not put the same around the messages of every conversation, or changes
                them in a way that is not known, saying where.
        """
        self._template, self._variables = template, dict(variables or {})
        self._check_date()
        self._plain = self._around(False)
        self._changes = {role: self._change(role, False) for role in ("user", "assistant")}
        try:
            self._with_system = self._around(True)
            self._changes["system"] = self._change("system", True)
        except UserError:
            self._with_system = None
        self.takes_system = self._with_system is not None
        self._check()

    def _render(self, messages, **variables):
        return self._template.render(messages, **{**self._variables, **variables}).text

    def _check_date(self):
        message = [{"role": "user", "content": "one"}]
        if len({self._render(message, strftime_now=lambda _, day=day: day) for day in ("1", "2")}) > 1:
            raise UserError(
                "the chat template writes today's date, which an export would keep; give its variable for the date a "
                "value, such as chat_variables={'date_string': '26 Jul 2024'}"
            )

    def _around(self, system):
        found = None
        for earlier in range(_EARLIER + 1):
            messages = conversation(earlier, system)
            texts = self._between(messages)
            before = texts.pop(0) if system else None
            opening, *between, ending = texts
            to_assistant, to_user = between[::2], between[1::2]
            if earlier == 0:
                found = _Around(before, opening, "", "", ending)
                continue
            if earlier == 1:
                found = _Around(found.before_system, found.opening, to_assistant[0], to_user[0], found.ending)
            told = (
                (found.before_system, [before]),
                (found.opening, [opening]),
                (found.to_assistant, to_assistant),
                (found.to_user, to_user),
                (found.ending, [ending]),
            )
            for expected, texts in told:
                for text in texts:
                    if text != expected:
                        raise UserError(
                            f"the chat template puts {text!r} where it puts {expected!r} in a conversation of another "
                            "length, which cannot be followed inside a graph"
                        )
        return found

    def _between(self, messages):
        """What the template puts before, between and behind the contents of messages."""
        rendered, texts, place = self._render(messages), [], 0
        for message in messages:
            found = rendered.find(message["content"], place)
            if found < 0 or rendered.count(message["content"]) != 1:
                raise UserError(
                    f"the chat template does not write every message once and in order, such as the {message['role']}'s"
                )
            texts.append(rendered[place:found])
            place = found + len(message["content"])
        return [*texts, rendered[place:]]

    def _change(self, role, system):
        messages = conversation(1, system)
        place = [message["role"] for message in messages].index(role)
        texts = self._between(messages)
        before, after = texts[place], texts[place + 1]
        rendered = {}
        for trial in _TRIALS:
            changed = [*messages]
            changed[place] = {"role": role, "content": trial}
            whole = self._render(changed)
            head = "".join(t + m["content"] for t, m in zip(texts, messages[:place], strict=False)) + before
            tail = after + "".join(
                m["content"] + t for m, t in zip(messages[place + 1 :], texts[place + 2 :], strict=True)
            )
            if not (whole.startswith(head) and whole.endswith(tail) and len(whole) >= len(head) + len(tail)):
                raise UserError(f"the chat template puts something else around a {role}'s {trial!r}")
            rendered[trial] = whole[len(head) : len(whole) - len(tail)]
        for change in _CHANGES:
            if all(change.python(trial) == found for trial, found in rendered.items()):
                return change
        trial = next(trial for trial, found in rendered.items() if trial != found)
        raise UserError(
            f"the chat template makes {rendered[trial]!r} of a {role}'s {trial!r}, which cannot be followed inside a "
            "graph"
        )

    def _check(self):
        """Compares whole conversations of contents of all kinds."""
        for system in (False, True)[: 1 + self.takes_system]:
            for earlier in range(_EARLIER + 1):
                for shift in range(len(_TRIALS)):
                    messages = conversation(earlier, system)
                    for place, message in enumerate(messages):
                        message["content"] = _TRIALS[(place + shift) % len(_TRIALS)]
                    if self.joined(messages) != self._render(messages):
                        raise UserError(
                            f"the chat template treats a conversation of {len(messages)} messages in a way that cannot "
                            "be followed inside a graph"
                        )

    def joined(self, messages) -> str:
        """The text of a conversation that `conversation` could have begun, as the graph puts it together."""
        system = messages[0]["role"] == "system"
        around = self._with_system if system else self._plain
        contents = [self._changes[message["role"]].python(message["content"]) for message in messages]
        text = around.before_system + contents.pop(0) if system else ""
        text += around.opening
        for place, content in enumerate(contents[:-1]):
            text += content + (around.to_user if place % 2 else around.to_assistant)
        return text + contents[-1] + around.ending

    def graph(self, user, history, system=None, spell=lambda texts: texts) -> tf.Tensor:
        """Rendered conversations.

        Args:
            user: string [B], the last message.
            history: string [B], earlier ones, the user's and the assistant's in turn, with `SEPARATOR` between them;
                "" if there are none. The last is the assistant's.
            system: string [B], "" for none; None for a template that takes none.
            spell: From string [P] to string [P], what is to be done to every content at last.

        Returns:
            string [B].
        """
        has_history = history != ""
        split = tf.strings.split(tf.boolean_mask(history, has_history), SEPARATOR)
        counts = tf.scatter_nd(
            tf.where(has_history), tf.cast(split.row_lengths(), tf.int64), tf.shape(history, tf.int64)
        )
        rows = tf.repeat(tf.range(tf.size(counts)), counts)
        earlier = tf.RaggedTensor.from_row_lengths(split.flat_values, counts)
        is_user = tf.ragged.range(counts).flat_values % 2 == 0
        contents = tf.where(
            is_user,
            self._changes["user"].graph(earlier.flat_values),
            self._changes["assistant"].graph(earlier.flat_values),
        )
        has_system = tf.zeros_like(has_history) if system is None else system != ""
        said = tf.gather(has_system, rows)
        between = tf.where(is_user, self._chosen(said, "to_assistant"), self._chosen(said, "to_user"))
        turns = tf.strings.unsorted_segment_join(tf.strings.join([spell(contents), between]), rows, tf.size(counts))
        opening, ending = self._chosen(has_system, "opening"), self._chosen(has_system, "ending")
        if system is not None:
            begin = tf.strings.join([self._with_system.before_system, spell(self._changes["system"].graph(system))])
            opening = tf.strings.join([tf.where(has_system, begin, ""), opening])
        return tf.strings.join([opening, turns, spell(self._changes["user"].graph(user)), ending])

    def _chosen(self, has_system, name):
        without = tf.fill(tf.shape(has_system), getattr(self._plain, name))
        if self._with_system is None:
            return without
        return tf.where(has_system, getattr(self._with_system, name), without)


def conversation(earlier, system):
    """Messages of so many earlier turns and a last one of the user, with contents that no template has."""
    roles = ["system"] * system + ["user", "assistant"] * earlier + ["user"]
    return [{"role": role, "content": f"qZ{place}x{role}Qz"} for place, role in enumerate(roles)]
