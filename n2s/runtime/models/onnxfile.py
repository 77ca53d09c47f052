"""A look into an ONNX file without the onnx package: does it point outside itself?

Only what is needed of the protobuf wire format: fields are (number, type), type 2 carries nested messages.
"""

from __future__ import annotations

from collections.abc import Iterator

# Where tensors live in a model: graph (7) → initializer (5) or node (1) → attribute (5) → t (5), tensors (10), g (6).
_GRAPH, _INITIALIZER, _NODE, _ATTRIBUTE, _TENSOR, _TENSORS, _SUBGRAPH, _SPARSE = 7, 5, 1, 5, 5, 10, 6, 15
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14


def has_external_data(model: bytes) -> bool:
    """Say whether any tensor of a model is kept in another file.

    Raises
    ------
    ValueError
        When the bytes are no protobuf message.
    """
    view = memoryview(model)
    return any(_graph_points_outside(_message(graph), 0) for number, graph in _fields(view) if number == _GRAPH)


def _graph_points_outside(graph: memoryview, depth: int) -> bool:
    if depth > 8:
        raise ValueError("graphs nest too deep")
    for number, value in _fields(graph):
        if number in (_INITIALIZER, _SPARSE) and _tensor_points_outside(_message(value)):
            return True
        if number == _NODE:
            for part, attribute in _fields(_message(value)):
                if part == _ATTRIBUTE and _attribute_points_outside(_message(attribute), depth):
                    return True
    return False


def _attribute_points_outside(attribute: memoryview, depth: int) -> bool:
    for number, value in _fields(attribute):
        if number in (_TENSOR, _TENSORS) and isinstance(value, memoryview) and _tensor_points_outside(value):
            return True
        if number == _SUBGRAPH and isinstance(value, memoryview) and _graph_points_outside(value, depth + 1):
            return True
    return False


def _tensor_points_outside(tensor: memoryview) -> bool:
    return any(
        number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value == 1) for number, value in _fields(tensor)
    )


def _message(value: memoryview | int) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number stands where a message was wanted")
    return value


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    position, end = 0, len(message)
    while position < end:
        tag, position = _varint(message, position)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, position = _varint(message, position)
        elif wire in (1, 5):
            value, position = 0, position + (8 if wire == 1 else 4)
        elif wire == 2:
            length, position = _varint(message, position)
            value, position = message[position : position + length], position + length
        else:
            raise ValueError("not a protobuf message")
        if position > end or number == 0:
            raise ValueError("not a protobuf message")
        yield number, value


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    result = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            raise ValueError("not a protobuf message")
        byte = message[position]
        result |= (byte & 0x7F) << shift
        position += 1
        if byte < 0x80:
            return result, position
    raise ValueError("not a protobuf message")
