"""TensorFlow Serving's REST and gRPC API on one machine, for trying and testing where no container engine is.

`python -m export.serve SERVING_DIR` starts it from a shell; `LocalServer` starts it inside a Python process:

```python
from export.serve import LocalServer

with LocalServer("serving/translation") as server:
    print(server.rest_url, server.grpc_address)
```

For real deployments run the `tensorflow/serving` image; this server answers as it does, but was not built for load.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from export.serve.local_server import LocalServer

__all__ = ["LocalServer"]


def __getattr__(name):
    # TensorFlow, gRPC and the web server are imported only when a server is wanted.
    if name == "LocalServer":
        from export.serve.requirements import require_serving_extra

        require_serving_extra()
        from export.serve.local_server import LocalServer

        return LocalServer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
