"""What nodes say of themselves before they run is looked at as well."""

from __future__ import annotations

import json
from typing import Any

import harness
import pytest
from refusing import FRAMES, STREAMED, film

# What nodes say before they run


HOOKED = '''
class Hooked(Resident):
    """Say something of itself."""

    signal: Signal = port("what goes through")
    model: str | None = setting(None, help="a model")

    outputs = SIGNAL_OUTPUT

    def {hook}
        {code}

    def compute(self, scene, signal):
        return signal


class Rude(BaseException):
    pass
'''
HOOKS = {
    "wanted_columns": "wanted_columns(self):",
    "signal_columns": "signal_columns(self, output, inputs):",
    "check_model": "check_model(self, model):",
}


def hooked(hook: str, code: str) -> str:
    source = HOOKED.replace("{hook}", HOOKS[hook]).replace("{code}", code)
    return "from n2s.graph.declare import FolderPath\n" + source.replace(
        "model: str | None", "model: FolderPath | None"
    )


@pytest.mark.parametrize(
    ("hook", "code", "said"),
    [(hook, f"raise {error}", f"{hook} failed: {said}") for hook in HOOKS
     for error, said in (('KeyError("red")', "KeyError: 'red'"), ("GeneratorExit()", "GeneratorExit"),
                         ('Rude("no")', "Rude: no"))]
    + [("wanted_columns", f"return {value}", said) for value, said in (
        ("None", "wanted_columns gave None"), ("[('signal', 3)]", "wanted_columns gave [('signal', 3)]"),
        ("{'signal': 3}", "gave 3 for signal"),
        ("{'signal': ('3', 'why')}", "gave ('3', 'why') for signal"), ("{'signal': (True, 'why')}",
                                                                       "gave (True, 'why') for signal"),
        ("{'signal': (3, None)}", "gave (3, None) for signal"), ("{'signal': (0, 'why')}",
                                                                 "gave (0, 'why') for signal"),
        ("{'signal': (-1, 'why')}", "gave (-1, 'why') for signal"), ("{'signal': (1.5, 'why')}",
                                                                     "gave (1.5, 'why') for signal"),
        ("{'weights': (3, 'why')}", "speaks of 'weights', which is no port; there are signal"),
        ("{3: (3, 'why')}", "speaks of 3"),
        ("{'model': (3, 'why')}", "speaks of 'model'"), ("{'signal': (1, 'why', 2)}", "gave (1, 'why', 2) for signal"),
        ("{'signal': (3, 'why')} if self.signal.nothing else {}", "failed: AttributeError"),
    )]
    + [("signal_columns", f"return {value}", said) for value, said in (
        ("'3'", "signal_columns gave '3' for signal"), ("-1", "gave -1"), ("2.0", "gave 2.0"), ("True", "gave True"),
        ("(3,)", "gave (3,)"),
        ("'\\ud800'", "gave '\\ud800'"), ("'x' * 5000", "gave 'xxx"), ("inputs['nothing']",
                                                                       "failed: KeyError: 'nothing'"),
    )]
    + [("check_model", f"return {value}", said) for value, said in (
        ("None", "check_model gave None"), ("'no'", "check_model gave 'no'"), ("['no']", "gave 'no'"),
        ("[('model', 'no')]", "gave ('model', 'no')"),
        ("[((), 'no')]", "gave ((), 'no')"), ("[(('nothing',), 'no')]", "gave (('nothing',), 'no')"),
        ("[(('model',), None)]", "gave (('model',), None)"),
        ("[((None,), 'no')]", "gave ((None,), 'no')"), ("3", "gave 3"), ("iter([3])", "gave 3"),
        ("(1 / 0 for _ in 'a')", "failed: ZeroDivisionError"),
        ("[(('model',), model.nothing)]", "failed: AttributeError"),
    )],
    ids=str,
)  # fmt: skip
def test_what_a_node_says_of_itself_is_looked_at_by_the_check(
    hook: str, code: str, said: str, packages: Any, studio: Any, n2s: Any
) -> None:
    packages.install(hooked(hook, code))
    values = film(studio, "signal", node="Hooked", signal="ramp", model=str(studio.model))
    graph = harness.load(values, studio.folder)
    line = next(i for i, text in enumerate(graph.path.read_text().splitlines(), 1) if '"subject": ' in text)
    for command in ("check", "plan"):
        status, _, err = n2s(command, graph.path)
        told = [text for text in err.splitlines() if not text.startswith("warning")]
        assert status == 1 and len(told) == 1 and "Traceback" not in err, err
        assert told[0].startswith(f"{graph.path}:{line}:") and "  subject (Hooked): " in told[0] and said in told[0], (
            err
        )
        assert len(told[0]) < 1000


@pytest.mark.parametrize(
    ("hook", "code"),
    [("wanted_columns", "return {'signal': [np.int64(1), 'why']}"), ("signal_columns", "return np.int32(0)"),
     ("signal_columns", "return None"),
     ("check_model", "return iter(())"), ("check_model", "return ()"), ("check_model", "yield ['model'], ''")],
)  # fmt: skip
def test_what_a_node_may_say_of_itself(hook: str, code: str, packages: Any, studio: Any, n2s: Any) -> None:
    packages.install(hooked(hook, code))
    graph = harness.load(film(studio, "signal", node="Hooked", signal="ramp", model=str(studio.model)), studio.folder)
    assert n2s("check", graph.path)[0] == 0


@pytest.mark.parametrize(
    "value", ["{'file': '\\ud800'}", "{'\\udfff': 'file'}", "None", "{'file': 3}", "{'file': b'a'}", "['file']"]
)
def test_digests_are_texts(value: str, packages: Any, studio: Any, n2s: Any) -> None:
    packages.install(
        STREAMED.format(**FRAMES, expression="made")
        + f"""
    def digests(self, scene):
        return {value}
"""
    )
    graph = harness.load(film(studio, "frames", node="Bad", frames="decoded"), studio.folder)
    for command in ("plan", "run"):
        status, _, err = n2s(command, graph.path)
        assert status == 1 and "Traceback" not in err
        assert "subject (Bad): digests gave " in err and "texts by name were wanted" in err


VALIDATED = '''
from pydantic import field_validator, model_validator


class Checked(Resident):
    """Look at its settings."""

    signal: Signal = port("what goes through")
    amount: float = setting(0.5, ge=0, le=1, help="how much")

    outputs = SIGNAL_OUTPUT

    @field_validator("amount")
    @classmethod
    def _look(cls, amount):
        if amount > 0.7:
            raise {error}
        return amount

    @model_validator(mode="after")
    def _look_at_all(self):
        if self.amount < 0.3:
            raise {error}
        return self

    def compute(self, scene, signal):
        return signal


class Rude(BaseException):
    pass
'''


@pytest.mark.parametrize("amount", [0.9, 0.1])
@pytest.mark.parametrize("error", ['KeyError("red")', "GeneratorExit()", 'Rude("no")', "ZeroDivisionError"])
def test_a_validator_that_fails_is_told_by_the_check(
    error: str, amount: float, packages: Any, studio: Any, n2s: Any
) -> None:
    file = packages.install(VALIDATED.replace("{error}", error))
    values = film(studio, "signal", node="Checked", signal="ramp", amount=amount)
    path = studio.folder / "graph.yaml"
    path.write_text(json.dumps(values, indent=1))
    line = next(i for i, text in enumerate(path.read_text().splitlines(), 1) if '"subject": ' in text)
    status, _, err = n2s("check", path)
    assert status == 2 and len(err.splitlines()) == 1, err
    assert (
        err.startswith(f"{path}:{line}:")
        and f"  subject (Checked): its settings cannot be looked at: {error.partition('(')[0]}" in err
    )
    assert f"({file}:" in err
