"""The option grammar, line by line."""

from __future__ import annotations

import pytest

from imgadm.cli.errors import OptionError
from imgadm.cli.options import Option, OptionKind, Options, parse_options

DECLARED = (
    Option(("-j", "--json")),
    Option(("-H",)),
    Option(("-o",), kind=OptionKind.TEXT),
    Option(("-t", "--type"), kind=OptionKind.TEXT),
    Option(("-S", "--source"), kind=OptionKind.TEXTS),
    Option(("--max-origin-depth",), kind=OptionKind.POSITIVE_INTEGER),
)


def parse(line: str) -> tuple[Options, list[str]]:
    return parse_options(DECLARED, line.split())


@pytest.mark.parametrize(
    ("line", "given", "arguments"),
    [
        ("", {}, []),
        ("-j", {"json": True}, []),
        ("-jH", {"json": True, "H": True}, []),
        ("-ouuid", {"o": "uuid"}, []),
        ("-o uuid", {"o": "uuid"}, []),
        ("-o -j", {"o": "-j"}, []),
        ("-o --", {"o": "--"}, []),
        ("-Houuid,j", {"H": True, "o": "uuid,j"}, []),
        ("-Ho uuid", {"H": True, "o": "uuid"}, []),
        ("-o a -o b", {"o": "b"}, []),
        ("-o=x", {"o": "=x"}, []),
        ("--type=a=b", {"type": "a=b"}, []),
        ("--type=", {"type": ""}, []),
        ("--type x", {"type": "x"}, []),
        ("-tx", {"type": "x"}, []),
        ("-S a --source b -Sc", {"source": ["a", "b", "c"]}, []),
        ("--max-origin-depth 3", {"max-origin-depth": 3}, []),
        ("x -j y -H z", {"json": True, "H": True}, ["x", "y", "z"]),
        ("x -- -j --", {}, ["x", "-j", "--"]),
        ("- -j", {"json": True}, ["-"]),
    ],
)
def test_values(line: str, given: dict[str, object], arguments: list[str]) -> None:
    options, rest = parse(line)
    assert (options.given(), rest) == (given, arguments)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-x", 'unknown option: "-x"'),
        ("-jx", 'unknown option: "-x" in "-jx" group'),
        ("-jxo", 'unknown option: "-x" in "-jxo" group'),
        ("--jso", 'unknown option: "--jso"'),
        ("--jso=1", 'unknown option: "--jso"'),
        (
            "--json=1",
            'argument given to "--json" option that does not take one: "--json=1"',
        ),
        ("-o", 'do not have enough args for "-o" option'),
        ("-Ho", 'do not have enough args for "-o" option'),
        ("--type", 'do not have enough args for "--type" option'),
        ("--max-origin-depth x", 'arg for "--max-origin-depth" is not a positive integer: "x"'),
        ("--max-origin-depth 0", 'arg for "--max-origin-depth" is not a positive integer: "0"'),
        ("--max-origin-depth=-1", 'arg for "--max-origin-depth" is not a positive integer: "-1"'),
    ],
)
def test_mistakes(line: str, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse(line)
    assert caught.value.message == message


def test_options_can_end_at_the_first_word() -> None:
    options, rest = parse_options(DECLARED, ["-j", "list", "-H"], interspersed=False)
    assert options.flag("--json")
    assert rest == ["list", "-H"]


def test_values_are_found_by_any_name() -> None:
    options, _ = parse("-tx -S a -j --max-origin-depth 7")
    assert (options.text("-t"), options.text("--type")) == ("x", "x")
    assert options.texts("--source") == ["a"]
    assert options.flag("-j")
    assert not options.flag("-H")
    assert options.number("--max-origin-depth") == 7
    assert options.text("-o") is None


def test_undeclared_names_are_a_mistake_of_the_program() -> None:
    options, _ = parse("")
    with pytest.raises(KeyError):
        options.flag("--quiet")
