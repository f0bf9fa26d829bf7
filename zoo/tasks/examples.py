"""Example inputs kept with a preset, which exports are verified on."""

import json


def save_examples(examples, path):
    """Writes texts as a JSON list."""
    path.write_text(json.dumps(list(examples), ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


def load_examples(path):
    """Texts that `save_examples` wrote; none if there is no such file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
