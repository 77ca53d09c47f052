"""Connecting nodes in Python: a call connects a node, arithmetic on outputs makes expressions."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Protocol, cast

from pydantic import BaseModel

from n2s.graph.errors import GraphError, checked_name
from n2s.graph.expressions import Call, Expression
from n2s.graph.links import Link
from n2s.graph.parsing import parse_param
from n2s.graph.specs import Output, Spec, chosen_output
from n2s.graph.types import FILM, SIGNAL, Kind

MAX_COMPONENTS = 10_000


class Connected(Protocol):
    """What a handle knows of a node, whose class stands above this module."""

    outputs: ClassVar[dict[str, Output]]
    ports: ClassVar[dict[str, Kind]]
    specs: ClassVar[dict[str, Spec]]

    model_fields: ClassVar[dict[str, Any]]

    @property
    def model_fields_set(self) -> set[str]: ...

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Any: ...


class Handle:
    """An output of a connected node. Attributes pick an output, or a column by its name, indices a component.

    Operators make expressions.
    """

    __link__ = True

    def __init__(self, node: Connected, name: str | None, output: str = "", component: int | str | None = None):
        self._node, self._name, self._output, self._component = node, name, output, component

    def __getattr__(self, output: str) -> Handle:
        if output.startswith("_"):
            raise AttributeError(output)
        if output in self._names():
            return self[output]
        if output not in self._node.outputs or self._output:
            known = ", ".join(self._node.outputs)
            raise AttributeError(f"{type(self._node).__name__} has no output {output!r}; it has: {known}")
        return Handle(self._node, self._name, output)

    def _names(self) -> tuple[str, ...]:
        """Return the names of the columns that can be picked here; an output of such a name comes first."""
        if self._component is not None or (not self._output and len(self._node.outputs) != 1):
            return ()
        declared = self._declared()
        return declared.names or () if declared else ()

    def __getitem__(self, component: int | str) -> Handle:
        """Return one component of a signal, by its name or its number from 0."""
        if isinstance(component, str) and self._names():
            if component not in self._names():
                raise IndexError(f"{self!r} has {self._declared().column_words}, not {component}")
            return Handle(self._node, self._name, chosen_output(self._node.outputs, self._output, SIGNAL), component)
        if isinstance(component, bool) or not hasattr(component, "__index__"):
            raise TypeError(f"{self!r}[{component!r}]: a component is a whole number from 0; one is taken at a time")
        if problem := self._signal_problem():
            raise TypeError(f"{self!r}[{component}]: {problem}; only a Signal has components")
        component, columns = operator.index(cast(int, component)), self._declared().columns
        if self._component is not None:
            raise TypeError(f"{self!r}[{component}]: a component has none of its own")
        if not 0 <= component < (columns or MAX_COMPONENTS):
            raise IndexError(f"{self!r} has components 0 to {(columns or MAX_COMPONENTS) - 1}, not {component}")
        return Handle(self._node, self._name, self._output, component)

    def __len__(self) -> int:
        columns = 0 if self._component is not None or self._signal_problem() else self._declared().columns
        if not columns:
            raise TypeError(f"how many components {self!r} has is not known before the film is rendered; name one: [0]")
        return columns

    def __iter__(self) -> Iterator[Handle]:
        return iter([self[component] for component in range(len(self))])

    def _declared(self, wanted: Kind = SIGNAL) -> Any:
        """Return the output's declaration; None where the node has several of the kind and none was named."""
        outputs = self._node.outputs
        return outputs.get(chosen_output(outputs, self._output, wanted))

    def _problem(self, wanted: Kind) -> str:
        """Say why this is not an output of a kind."""
        declared = self._declared(wanted)
        if declared is None:
            fits = [name for name, output in self._node.outputs.items() if output.kind is wanted]
            return f"has several outputs; name one: {', '.join(fits[:6]) or f'none of them gives {wanted}'}"
        return "" if declared.kind is wanted else f"gives {declared.kind}"

    def _signal_problem(self) -> str:
        return self._problem(SIGNAL)

    def __repr__(self) -> str:
        parts = [type(self._node).__name__, self._output, "" if self._component is None else str(self._component)]
        return f"<{'.'.join(filter(None, parts))}>"

    def _repr_html_(self) -> str:
        """Return the connected node as a notebook shows it: what it was given, and what it gives."""
        from n2s.graph.describe.table import node_table  # for notebooks alone

        return node_table(self._node, self._name or "", self._output)

    def __bool__(self) -> bool:
        raise TypeError("an output has no truth value before the film is rendered; use where of n2s.functions")

    def __hash__(self) -> int:
        return hash((id(self._node), self._output, self._component))

    def __eq__(self, other: Any) -> Any:
        return Sameness(isinstance(other, Handle) and hash(self) == hash(other) and self._node is other._node)

    def __ne__(self, other: Any) -> Any:
        return Sameness(not self == other)


def _tree(value: Any) -> Any:
    if isinstance(value, Sameness):
        value.refuse()
    try:
        value = parse_param(value)
    except ValueError as error:
        raise GraphError(f"in an expression: {error}") from None
    return value.tree if isinstance(value, Expression) else value


def _define_arithmetic(cls: type) -> None:
    """Give a class the operators of expressions."""
    names = {"add": "+", "sub": "-", "mul": "*", "truediv": "/", "mod": "%", "pow": "**"}
    for name, sign in names.items():
        setattr(cls, f"__{name}__", lambda a, b, op=sign: Expression(Call(op, (_tree(a), _tree(b)))))
        setattr(cls, f"__r{name}__", lambda a, b, op=sign: Expression(Call(op, (_tree(b), _tree(a)))))
    for name, sign in {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}.items():
        setattr(cls, f"__{name}__", lambda a, b, op=sign: Expression(Call(op, (_tree(a), _tree(b)))))
    cls.__neg__ = lambda a: Expression(Call("neg", (_tree(a),)))


def _refuse_truth(expression: Expression) -> bool:
    raise TypeError(
        "an expression has no truth value before the film is rendered, so that `and`, `or`, `if`, `a < b < c`, max and "
        "min of Python would lose a part of it; use min, max and where of n2s.functions"
    )


class Sameness:
    """Whether two outputs or expressions are the same thing: true or false, as `if`, lists and dictionaries ask.

    It is no number. What an output is equal to is not known before the film is rendered, so in ``0.5 * (section == 1)``
    the comparison would be a constant, and nothing would say so.
    """

    __array_ufunc__ = None

    def __init__(self, same: bool):
        self.same = bool(same)

    def __bool__(self) -> bool:
        return self.same

    def __repr__(self) -> str:
        return "a comparison by == or !="

    def refuse(self, *_: Any) -> Any:
        raise TypeError(
            "what an output or expression is equal to is not known before the film is rendered, so that == and != of "
            "Python would be a constant; use where of n2s.functions with <, <=, > or >=: section 1 is "
            "where(section < 2, section >= 1, 0)"
        )

    __float__ = __index__ = __invert__ = __and__ = __rand__ = __or__ = __ror__ = refuse


def _is_same_tree(expression: Expression, other: Any) -> Any:
    return Sameness(isinstance(other, Expression) and expression.tree == other.tree)


def _is_other_tree(expression: Expression, other: Any) -> Any:
    return Sameness(not _is_same_tree(expression, other))


for _operand in (Handle, Expression, Sameness):
    _define_arithmetic(_operand)
    cast(Any, _operand).__array_ufunc__ = None  # a number of NumPy on the left leaves the operation to them
cast(Any, Expression).__bool__ = _refuse_truth
cast(Any, Expression).__eq__ = _is_same_tree
cast(Any, Expression).__ne__ = _is_other_tree


def call(function: str, *arguments: Any) -> Expression:
    """Apply a function of the expression grammar: ``call("clamp", 1 + features.low, 1, 1.4)``."""
    return Expression(Call(function, tuple(_tree(argument) for argument in arguments)))


def connect(node: Connected, inputs: tuple, name: str | None, named: dict[str, Any]) -> Handle:
    """Fill a node's ports, positional ones in the order of their declaration.

    Raises
    ------
    GraphError
        When there are too many inputs or too few, or one is not of its port's kind.
    """
    cls = type(node)
    if unknown := [key for key in named if key not in cls.ports]:
        raise GraphError(f"{cls.__name__} has no port {unknown[0]!r}; it has: {', '.join(cls.ports) or 'none'}")
    if len(inputs) > len(cls.ports):
        raise GraphError(
            f"{cls.__name__} takes {len(cls.ports)} inputs ({', '.join(cls.ports) or 'none'}), not {len(inputs)}"
        )
    filled = dict(zip(cls.ports, inputs))
    if twice := [key for key in named if key in filled]:
        raise GraphError(f"{cls.__name__}.{twice[0]} is given twice, by its place and by its name")
    filled = {key: _input(cls, key, value) for key, value in (filled | named).items()}
    for key in cls.ports:
        if cls.specs[key].required and filled.get(key, getattr(node, key)) in (None, []):
            raise GraphError(f"{cls.__name__} needs {key}: {cls.specs[key].help}")
    return Handle(node.model_copy(update=filled), name if name is None else checked_name("A node", name))


def _input(cls: type[Connected], port: str, value: Any) -> Any:
    """Return what a port is given, which must be of its kind."""
    wanted, spec = cls.ports[port], cls.specs[port]
    if value is None and not spec.required:
        return None
    if wanted is SIGNAL:
        try:
            return parse_param(value)
        except ValueError as error:
            raise GraphError(f"{cls.__name__}.{port}: {error}") from None
    if wanted is FILM and not isinstance(value, list | tuple):
        raise GraphError(f"{cls.__name__}.{port} takes a list of {wanted}s, not {value!r}")
    for item in cast(Iterable[Any], value) if wanted is FILM else [value]:
        if isinstance(item, BaseModel):  # a node, whose class stands above this module
            raise GraphError(
                f"{cls.__name__}.{port} takes the output of a node; connect it first: {type(item).__name__}(…)(…)"
            )
        if not isinstance(item, Handle | Link):
            raise GraphError(f"{cls.__name__}.{port} takes the output of a node, not {item!r}")
        if isinstance(item, Handle) and (problem := item._problem(wanted)):
            raise GraphError(f"{cls.__name__}.{port} takes {wanted}, but {item!r} {problem}")
    return list(cast(Iterable[Any], value)) if wanted is FILM else value
