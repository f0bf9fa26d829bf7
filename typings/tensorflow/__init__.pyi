# Instead of the types that come with pyright, which lack much of what is used here, such as ragged tensors.
from typing import Any

def __getattr__(name: str) -> Any: ...
