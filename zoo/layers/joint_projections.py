"""Query, key and value of self-attention as one product."""

from keras import ops


class JointProjections:
    """Mixin of attention layers with the projections `query`, `key` and `value`: one product for all three.

    Attributes:
        joint_panels: `Panels` of the three side by side, for self-attention, or None.
    """

    joint_panels = None

    def project(self, query, key_value=None):
        """Queries `[..., H * K]` of `[..., D]`, and keys and values of `key_value`, which is the same if None."""
        if key_value is None and self.joint_panels is not None:
            return tuple(ops.split(self.joint_panels.product(query), 3, axis=-1))
        key_value = query if key_value is None else key_value
        return self.query(query), self.key(key_value), self.value(key_value)
