"""The layers of a model by the attributes that lead to them."""

import keras


def layers_by_path(model: keras.Model) -> dict[str, keras.layers.Layer]:
    """The layers inside a model, each once, by a path of attributes and places in lists.

    Names of layers may be made up by Keras and differ from one program to the next; attributes do not.

    Args:
        model: A `keras.Model` whose sub-layers are attributes or lists of layers, built or not.

    Returns:
        dict of `keras.layers.Layer` by path, such as "decoder_blocks/0/self_attention/query".
    """
    found = {}
    seen = {id(model)}

    def visit(owner, prefix):
        # PyTorch keeps the modules of a module apart from its other attributes.
        attributes = {**vars(owner), **vars(owner).get("_modules", {})}
        for name, value in sorted(attributes.items()):
            if name.startswith("_"):
                continue
            children = enumerate(value) if isinstance(value, (list, tuple)) else ((None, value),)
            for place, child in children:
                if isinstance(child, keras.layers.Layer) and id(child) not in seen:
                    seen.add(id(child))
                    path = f"{prefix}{name}" if place is None else f"{prefix}{name}/{place}"
                    found[path] = child
                    visit(child, path + "/")

    visit(model, "")
    return found
