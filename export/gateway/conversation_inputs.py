"""The messages of a chat request as inputs of the served signature `chat`, which has the model's template inside."""

from export.gateway.api_error import refused
from export.gateway.generation_request import SEPARATOR

_SYSTEM_ROLES = ("system", "developer")


def conversation_inputs(messages, inputs):
    """Texts by input name.

    Args:
        messages: list of the request's messages: one of the system if the template takes any, then the user's and the
            assistant's in turn, the user's last.
        inputs: Names of the signature's inputs.

    Raises:
        ApiError: for any other conversation, naming the message.
    """
    if not messages:
        raise refused("messages must hold at least one message", "messages")
    said = [_message(number, message) for number, message in enumerate(messages)]
    system = ""
    if said[0][0] in _SYSTEM_ROLES:
        _, system = said.pop(0)
        if "system" not in inputs:
            raise refused("the model's chat template takes no message of the system", "messages[0].role")
        if not system:
            # The signature takes an empty text for none, and templates may write one of their own then.
            raise refused("the message of the system is empty; leave it out", "messages[0].content")
    if not said:
        raise refused("the last message must be the user's", "messages")
    first = len(messages) - len(said)
    for number, (role, _) in enumerate(said):
        expected = "assistant" if number % 2 else "user"
        if role != expected:
            raise refused(
                f"message {first + number} is the {role}'s where the {expected}'s is due: after at most one message of "
                "the system, user and assistant take turns",
                f"messages[{first + number}].role",
            )
    if not len(said) % 2:
        raise refused("the last message must be the user's", "messages")
    texts = [text for _, text in said]
    for number, text in enumerate(texts[:-1]):
        if SEPARATOR in text:
            raise refused(
                f"message {first + number} holds U+001E, which the model uses between messages",
                f"messages[{first + number}].content",
            )
    row = {"history": SEPARATOR.join(texts[:-1]), "user": texts[-1]}
    return {**row, "system": system} if "system" in inputs else row


def _message(number, message):
    """Role and text."""
    where = f"messages[{number}]"
    if not isinstance(message, dict):
        raise refused(f"message {number} is no object", where)
    role, content = message.get("role"), message.get("content")
    if role not in (*_SYSTEM_ROLES, "user", "assistant"):
        raise refused(f"message {number} has the role {role!r:.40}, which is not supported here", f"{where}.role")
    for key, value in message.items():
        if key not in ("role", "content") and value not in (None, [], ""):
            raise refused(f"message {number}: {key} is not supported here", f"{where}.{key}")
    if isinstance(content, list):
        content = "".join(_text_of(part, number) for part in content)
    if not isinstance(content, str):
        raise refused(f"message {number} has no text as its content", f"{where}.content")
    return role, content


def _text_of(part, number):
    if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
        return part["text"]
    kind = part.get("type") if isinstance(part, dict) else part
    raise refused(f"message {number} holds a part that is no text ({kind!r:.40})", f"messages[{number}].content")
