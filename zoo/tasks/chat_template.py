"""Chat templates: conversations into the text that a model was trained on, by Jinja in a sandbox."""

import datetime
import json
import re
from typing import Any, NamedTuple

from zoo.errors import UserError

# Characters that no text holds (Unicode noncharacters), around what the assistant says.
_BEGIN, _END = "\ufdd0", "\ufdd1"


class RenderedChat(NamedTuple):
    """A conversation as text.

    Attributes:
        text: What the model reads.
        answers: list of (start, stop), the characters of the text that the assistant is to say; empty for a template
            that does not mark them with `{% generation %}`.
    """

    text: str
    answers: list[tuple[int, int]]


class ChatTemplate:
    """A chat template in Jinja, as checkpoints carry it.

    Templates see what those of Hugging Face see: `messages`, `tools`, `documents`, `add_generation_prompt`, the special
    tokens by name, the function `raise_exception` and `strftime_now`, the filter `tojson`, loop controls and
    `{% generation %}` blocks. They run in a sandbox that lets them read nothing else and change nothing.

    Attributes:
        source: The template.
        special_tokens: Text by name, such as `{"eos_token": "</s>"}`.

    Example:
        >>> template = ChatTemplate("{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}")
        >>> template.render([{"role": "user", "content": "Hello"}]).text
        '<user>Hello'
    """

    def __init__(self, source: str, special_tokens: dict[str, str] | None = None):
        """Compiles a template.

        Args:
            source: The template.
            special_tokens: Text by name.

        Raises:
            UserError: for a template that is not valid Jinja.
        """
        self.source = source
        self.special_tokens = dict(special_tokens or {})
        self._template = _compiled(source)

    def render(
        self,
        messages: list[dict[str, Any]],
        *,
        add_generation_prompt: bool = True,
        tools: list[dict[str, Any]] | None = None,
        documents: list[dict[str, Any]] | None = None,
        **variables: Any,
    ) -> RenderedChat:
        """A conversation as text.

        Args:
            messages: Each with a `role`, such as "user", and a `content`, usually a str.
            add_generation_prompt: Whether the text ends with what begins an answer.
            tools: JSON schemas of functions, for templates that know them.
            documents: Texts to answer from, for templates that know them.
            variables: Further variables of the template, such as `enable_thinking=False`.

        Raises:
            UserError: for messages that are no list of objects with roles, for what the template itself refuses, and
                for what the sandbox forbids, with the reason.
        """
        import jinja2

        _check_messages(messages)
        try:
            text = self._template.render(
                messages=messages,
                tools=tools,
                documents=documents,
                add_generation_prompt=add_generation_prompt,
                **self.special_tokens,
                **variables,
            )
        except jinja2.exceptions.SecurityError as error:
            raise UserError(f"the chat template does what its sandbox forbids: {error}") from error
        except (jinja2.exceptions.TemplateError, TypeError, ValueError, KeyError, AttributeError) as error:
            raise UserError(f"the chat template refuses this conversation: {error}") from error
        return _with_answers(text)


def _compiled(source):
    import jinja2
    from jinja2 import nodes
    from jinja2.ext import Extension, loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """The tag `{% generation %}`, around what the assistant says."""

        tags = {"generation"}  # noqa: RUF012

        def parse(self, parser):
            """A call block that marks its body."""
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return nodes.CallBlock(self.call_method("_marked"), [], [], body).set_lineno(line)

        def _marked(self, caller):
            return f"{_BEGIN}{caller()}{_END}"

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = lambda format: datetime.datetime.now().strftime(format)
    try:
        return environment.from_string(source)
    except jinja2.exceptions.TemplateSyntaxError as error:
        raise UserError(f"the chat template is no valid Jinja: line {error.lineno}: {error.message}") from error


def _to_json(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    # Jinja's own filter escapes what HTML would misread.
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _raise_exception(message):
    import jinja2

    raise jinja2.exceptions.TemplateError(message)


def _check_messages(messages):
    if not isinstance(messages, (list, tuple)) or not messages:
        raise UserError('a conversation is a list of messages, such as [{"role": "user", "content": "Hello"}]')
    for number, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise UserError(f'message {number} of the conversation is no object with a "role", got {message!r:.80}')
        content = message.get("content")
        if isinstance(content, str) and (_BEGIN in content or _END in content):
            raise UserError(f"message {number} holds U+FDD0 or U+FDD1, which are no characters of any text")


def _with_answers(marked):
    """The text without its marks, and what they enclose."""
    answers, text, start = [], "", 0
    for piece in re.split(f"([{_BEGIN}{_END}])", marked):
        if piece == _BEGIN:
            start = len(text)
        elif piece == _END:
            answers.append((start, len(text)))
        else:
            text += piece
    return RenderedChat(text, answers)
