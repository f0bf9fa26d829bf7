"""The key `layer_types` of configurations: which blocks see a window and which see everything."""

WINDOWED, FULL = "sliding_attention", "full_attention"


def read_windows(keys, num_layers, window, by_default):
    """For each block its window, or None.

    Args:
        keys: `ConfigurationKeys`.
        num_layers: Number of blocks.
        window: Of the blocks that have one; None if there is none.
        by_default: Function from a block's index to whether it has a window, where the configuration names no types.

    Returns:
        A list, or None if no block has a window.

    Raises:
        UserError: for types of a wrong number or unknown, and for a window that is missing.
    """
    types = keys.value("layer_types", [WINDOWED if by_default(i) else FULL for i in range(num_layers)])
    if not isinstance(types, list) or len(types) != num_layers or set(types) - {WINDOWED, FULL}:
        raise keys.unsupported("layer_types", f"it must name {WINDOWED} or {FULL} for each of {num_layers} layers")
    if window is None and WINDOWED in types:
        raise keys.unsupported("layer_types", "there is no sliding_window")
    windows = [window if kind == WINDOWED else None for kind in types]
    return windows if window is not None and WINDOWED in types else None


def write_windows(windows, num_layers):
    """The keys that `read_windows` and transformers read from, given a list, one window for all, or None.

    Returns:
        dict of `layer_types` and `sliding_window`, the latter None if there is none.

    Raises:
        ValueError: if blocks have windows of several sizes.
    """
    each = list(windows) if isinstance(windows, (list, tuple)) else [windows] * num_layers
    sizes = set(each) - {None}
    if len(sizes) > 1:
        raise ValueError(f"windows of several sizes: {sorted(sizes)}")
    types = [FULL if window is None else WINDOWED for window in each]
    return {"layer_types": types, "sliding_window": sizes.pop() if sizes else None}
