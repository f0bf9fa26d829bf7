"""The protocols that people use, in front of TensorFlow Serving: OpenAI's, a reranker's and KServe's V2.

`python -m export.gateway HOST:PORT --models NAME` starts it from a shell; `Gateway` starts it inside a Python process:

```python
from export.gateway import Gateway

with Gateway("localhost:8500", ["smollm2"]) as gateway:
    print(gateway.url)
```
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from export.gateway.gateway import Gateway

__all__ = ["Gateway"]


def __getattr__(name):
    # TensorFlow, gRPC and the web server are imported only when a gateway is wanted.
    if name == "Gateway":
        from export.gateway.requirements import require_gateway_extra

        require_gateway_extra()
        from export.gateway.gateway import Gateway

        return Gateway
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
