"""A text generator as a SavedModel without the checks of an export, and chat templates."""

import tensorflow as tf

from export.served_form import ServedForm
from export.signatures import ServedTask, build_signatures

TEMPLATE = (
    "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}" + TEMPLATE


def save_generator(generator, directory):
    signatures = build_signatures(generator, ServedForm(row_errors=True))
    tf.saved_model.save(ServedTask(generator), str(directory), signatures=signatures)
