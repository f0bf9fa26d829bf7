"""The server's batching parameters, as far as they decide which requests are refused; nothing is batched here."""

import functools
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2

from export.serve.status import Code, ServingError, invalid_argument
from zoo.errors import UserError

_DEFAULT_MAX_BATCH_SIZE = 1000
_WRAPPED = {
    "max_batch_size": (1, "Int64Value"),
    "batch_timeout_micros": (2, "Int64Value"),
    "max_enqueued_batches": (3, "Int64Value"),
    "num_batch_threads": (4, "Int64Value"),
    "thread_pool_name": (5, "StringValue"),
    "enable_large_batch_splitting": (8, "BoolValue"),
    "max_execution_batch_size": (9, "Int64Value"),
}


@functools.cache
def batching_parameters_class():
    """The message BatchingParameters of session_bundle_config.proto, which tensorflow-serving-api lacks."""
    field = descriptor_pb2.FieldDescriptorProto
    proto_file = descriptor_pb2.FileDescriptorProto(name="batching_parameters.proto", syntax="proto3")
    proto_file.dependency.append(wrappers_pb2.DESCRIPTOR.name)
    message = proto_file.message_type.add(name="BatchingParameters")
    for name, (number, wrapper) in _WRAPPED.items():
        type_name = f".google.protobuf.{wrapper}"
        message.field.add(name=name, number=number, type=field.TYPE_MESSAGE, type_name=type_name, label=1)
    message.field.add(name="allowed_batch_sizes", number=6, type=field.TYPE_INT64, label=3)
    message.field.add(name="pad_variable_length_inputs", number=7, type=field.TYPE_BOOL, label=1)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(proto_file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("BatchingParameters"))


class Batching:
    """What a server with batching asks of requests and answers.

    Args:
        parameters: The message BatchingParameters.

    Raises:
        ServingError: INVALID_ARGUMENT, the server would load no model with these parameters.
    """

    def __init__(self, parameters):
        given = parameters.HasField("max_batch_size")
        self._most_rows = parameters.max_batch_size.value if given else _DEFAULT_MAX_BATCH_SIZE
        if self._most_rows < 1:
            raise invalid_argument(f"input_batch_size_limit must be positive; was {self._most_rows}")
        sizes = list(parameters.allowed_batch_sizes)
        if sizes and sizes[-1] != self._most_rows:
            raise invalid_argument(
                f"Last entry in allowed_batch_sizes must match max_batch_size; last entry was {sizes[-1]}; "
                f"expected {self._most_rows}"
            )
        at_once = parameters.max_execution_batch_size
        if parameters.enable_large_batch_splitting.value and at_once.value > self._most_rows:
            raise invalid_argument(
                "When enable_large_batch_splitting is true, input_batch_size_limit must be greater than or equal to "
                f"max_execution_batch_size, but they are {self._most_rows} and {at_once.value}"
            )

    def check_inputs(self, arrays):
        """Returns the number of rows of a request's arrays.

        Raises:
            ServingError: INVALID_ARGUMENT, with the server's message.
        """
        if any(array.ndim == 0 for array in arrays):
            raise invalid_argument("Batching Run() input tensors must have at least one dimension")
        (rows, *others) = {len(array) for array in arrays}
        if others:
            raise invalid_argument("Batching Run() input tensors must have equal 0th-dimension size")
        if rows > self._most_rows:
            raise invalid_argument(f"Task size {rows} is larger than maximum input batch size {self._most_rows}")
        if rows == 0:
            # The server fills up batches with copies of a request's first row.
            raise invalid_argument("a request without rows, at which TensorFlow Serving ends if it batches requests")
        return rows

    def check_outputs(self, arrays, rows):
        """Refuses answers that the server could not divide among requests.

        Raises:
            ServingError: FAILED_PRECONDITION, with the server's message.
        """
        for array in arrays:
            if array.ndim == 0:
                raise ServingError(Code.FAILED_PRECONDITION, "Batched output tensor has 0 dimensions")
            if len(array) != rows:
                raise ServingError(
                    Code.FAILED_PRECONDITION,
                    "Batched output tensor's 0th dimension does not equal the sum of the 0th dimension sizes of the "
                    "input tensors",
                )


def read_batching(path):
    """The `Batching` of a BatchingParameters text file, the server's `--batching_parameters_file`.

    Raises:
        UserError: the file is missing or the server would refuse it.
    """
    path = Path(path)
    parameters = batching_parameters_class()()
    try:
        text_format.Parse(path.read_text(encoding="utf-8"), parameters)
        return Batching(parameters)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise UserError(f"cannot read the batching parameters {path}: {reason}") from error
    except text_format.ParseError as error:
        raise UserError(f"{path}: not BatchingParameters: {error}") from error
    except ServingError as error:
        raise UserError(f"{path}: {error.message}") from error
