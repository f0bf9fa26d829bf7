"""Chat templates beside transformers, and what is refused."""

import json
import os

import pytest

from zoo.errors import UserError
from zoo.tasks.chat_template import ChatTemplate

CHATML = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are helpful.<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
MARKED = """
{%- for message in messages %}
    {%- if message.role == "assistant" %}
        {%- generation %}
            {{- message.content | trim + eos_token }}
        {%- endgeneration %}
    {%- else %}
        {{- "[" ~ message.role ~ "] " ~ message.content }}
    {%- endif %}
    {%- if not loop.last %}{% continue %}{% endif %}
{%- endfor %}
"""
STRICT = """
{%- if tools %}{{ "Tools: " }}{% for tool in tools %}{{ tool | tojson(indent=2) }}{% endfor %}{% endif %}
{%- set ns = namespace(last='') %}
{%- for message in messages %}
    {%- if message.role == ns.last %}{{ raise_exception('roles must alternate') }}{% endif %}
    {%- set ns.last = message.role %}
    {{- bos_token + ' ' + message.content.strip() + ' ' }}
    {%- if message.tool_calls is defined %}{{ message.tool_calls | tojson }}{% endif %}
{%- endfor %}
{{- documents[0].title if documents else '' }}
"""
CONVERSATION = [
    {"role": "user", "content": " Wie heißt du? <b>&amp; 中国</b> "},
    {"role": "assistant", "content": "Tom.\n"},
    {"role": "user", "content": ""},
    {"role": "assistant", "content": "  Ja  "},
]
TOOLS = [{"type": "function", "function": {"name": "wetter", "parameters": {"ort": "Köln <&>"}}}]


@pytest.fixture(scope="module")
def reference():
    """transformers' renderer, without weights or files."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    utils = pytest.importorskip("transformers.utils.chat_template_utils")

    def render(template, messages, **options):
        given = {"bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": True, **options}
        tools, documents = given.pop("tools", None), given.pop("documents", None)
        answers = "generation" in template
        texts, spans = utils.render_jinja_template(
            [messages],
            tools=tools,
            documents=documents,
            chat_template=template,
            return_assistant_tokens_mask=answers,
            **given,
        )
        return texts[0], [tuple(span) for span in spans[0]] if answers else []

    return render


@pytest.mark.parametrize(
    ("template", "options"),
    [
        (CHATML, {}),
        (CHATML, {"add_generation_prompt": False}),
        (MARKED, {}),
        (STRICT, {"tools": TOOLS}),
        (STRICT, {"documents": [{"title": "Ä", "text": "x"}]}),
    ],
)
@pytest.mark.parametrize("length", [1, 2, 4])
def test_text_and_answers_are_those_of_transformers(template, options, length, reference):
    messages = [dict(message) for message in CONVERSATION[:length]]
    messages[-1]["tool_calls"] = [{"name": "wetter", "arguments": {"ort": "Köln"}}]
    ours = ChatTemplate(template, {"bos_token": "<s>", "eos_token": "</s>"}).render(messages, **options)
    assert (ours.text, ours.answers) == reference(template, messages, **options)


@pytest.mark.parametrize(
    ("template", "messages", "message"),
    [
        ("{% for %}", None, "the chat template is no valid Jinja: line 1: "),
        (STRICT, [CONVERSATION[0], CONVERSATION[0]], "refuses this conversation: roles must alternate"),
        ("{{ messages.append(1) }}", CONVERSATION, "does what its sandbox forbids: "),
        ("{{ messages[0].content + 1 }}", CONVERSATION, "refuses this conversation: "),
        (CHATML, [], "a conversation is a list of messages"),
        (CHATML, "Hello", "a conversation is a list of messages"),
        (CHATML, [{"content": "Hello"}], 'message 0 of the conversation is no object with a "role"'),
        (CHATML, [{"role": "user", "content": "\ufdd0"}], r"message 0 holds U\+FDD0 or U\+FDD1"),
    ],
)
def test_refusals(template, messages, message):
    with pytest.raises(UserError, match=message) as caught:
        ChatTemplate(template, {"bos_token": ""}).render(messages)
    assert "\n" not in str(caught.value)


def test_tojson_keeps_html():
    text = ChatTemplate("{{ messages[0] | tojson }}").render([{"role": "user", "content": "<&'>"}]).text
    assert json.loads(text) == {"role": "user", "content": "<&'>"} and "<&'>" in text
