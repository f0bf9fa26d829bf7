"""Text generators of GGUF files."""

from zoo.checkpoints.gguf_files import load_gguf
from zoo.checkpoints.gguf_tokenizer import read_gguf_tokenizer
from zoo.errors import UserError
from zoo.generation import Sampling
from zoo.tasks.generation_settings import GenerationSettings
from zoo.tasks.text_generator import TextGenerator


def task_from_gguf(path, dtype=None, special_tokens_in_text=False):
    """The text generator of a GGUF file, which takes the most probable token unless asked otherwise.

    Args:
        path: The file.
        dtype: A Keras dtype policy for the model; the global one if None, whatever the file's.
        special_tokens_in_text: As in `zoo.load`.

    Raises:
        UserError: for anything damaged or not supported, by name.
    """
    model = load_gguf(path, dtype=dtype).model
    found = read_gguf_tokenizer(path)
    tokenizer = found.tokenizer
    if special_tokens_in_text:
        tokenizer = tokenizer.reading_from_text(tokenizer.control_tokens)
    # A short context would otherwise leave no room for a prompt.
    longest = min(GenerationSettings().max_new_tokens, model.max_sequence_length // 2)
    settings = GenerationSettings(
        Sampling(temperature=0.0, top_p=0.95),
        max_new_tokens=longest,
        begin_token=found.begins,
        end_token_ids=found.end_token_ids,
    )
    try:
        return TextGenerator(model, tokenizer, settings, chat_template=found.chat_template)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
