"""Which version folders of a model should be loaded."""

import re
from pathlib import Path

_NUMBER = re.compile(r"[0-9]{1,19}")
_LARGEST = 2**63 - 1


def wanted_versions(model):
    """Returns the versions that a model's policy wants and that exist.

    Only folders named by an integer count, so that `3.tmp` or `.3`, still being written, stay unread. Without a policy
    the latest version alone is wanted.

    Args:
        model: `ModelConfig`.

    Returns:
        dict of version number to folder.

    Raises:
        OSError: the base path cannot be read, which is no reason to unload anything.
    """
    found = {
        int(path.name): path
        for path in sorted(Path(model.base_path).iterdir())
        if _NUMBER.fullmatch(path.name) and int(path.name) <= _LARGEST
    }
    policy = model.model_version_policy
    choice = policy.WhichOneof("policy_choice")
    if choice == "all":
        return found
    if choice == "specific":
        return {version: found[version] for version in policy.specific.versions if version in found}
    newest = sorted(found, reverse=True)[: max(1, policy.latest.num_versions)]
    return {version: found[version] for version in newest}
