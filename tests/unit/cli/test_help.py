"""Help texts: their layout, and that every command is in them."""

from __future__ import annotations

import re

import pytest

from imgadm.cli.commands import ALIASES, NAMES, find_command
from imgadm.cli.options import Option, parse_options
from imgadm.cli.reference.help import command_help, top_level_help
from imgadm.cli.shared_options import HELP

SUMMARY_COLUMN = 43


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_top_level_help_has_its_parts_in_order() -> None:
    lines = top_level_help().splitlines()
    titles = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert titles == ["Usage:", "Options:", "Environment:", "Commands:"]
    assert max(map(len, lines)) <= 80


def test_summaries_stand_in_one_column(name: str) -> None:
    command = find_command(name)
    margin = " " * SUMMARY_COLUMN
    synopsis = "    " + command.synopses[0]
    before_summary = margin[len(synopsis) :] or f"\n{margin}"
    rest = top_level_help().partition(f"\n{synopsis}{before_summary}")[2]
    summary = re.match(rf"\S.*(?:\n{margin}\S.*)*", rest)
    assert summary
    assert summary[0].replace(f"\n{margin}", " ") == command.summary


def test_command_help(name: str) -> None:
    command = find_command(name)
    text = command_help(command)
    assert command.name == name
    assert f"\n\nUsage:\n    imgadm {name}" in text
    assert "\n\nExample" in text
    assert not text.endswith("\n\n")
    assert max(map(len, text.splitlines())) <= 80
    assert command.examples


@pytest.mark.parametrize("width", [40, 60])
def test_help_for_narrow_terminals(name: str, width: int) -> None:
    text = command_help(find_command(name), width) + top_level_help(width)
    too_long = [line for line in text.splitlines() if len(line) > width]
    assert [line for line in too_long if " " in line.removesuffix(" \\").strip()] == []
    wide = command_help(find_command(name)) + top_level_help()
    assert words_of(text) == words_of(wide)


def words_of(text: str) -> list[str]:
    return [word for word in text.split() if word not in ("\\", "#")]


def test_every_command_but_help_has_an_option_for_help(name: str) -> None:
    assert (HELP in find_command(name).options) is (name != "help")


def test_no_option_is_declared_twice(name: str) -> None:
    names = [n for option in find_command(name).options for n in option.names]
    assert len(names) == len(set(names))


def test_examples_are_command_lines_of_the_command(name: str) -> None:
    command = find_command(name)
    for example in command.examples:
        assert example.command in re.sub(r" \\\n +", " ", command_help(command))
        program, typed, *words = example.command.split()
        assert (program, find_command(typed)) == ("imgadm", command)
        parse_options(command.options, words)


def test_aliases_lead_to_commands() -> None:
    for alias, name in ALIASES.items():
        assert find_command(alias) is find_command(name)


def test_option_texts_wrap_and_end_in_a_full_stop() -> None:
    command = find_command("list")
    options = (
        Option(("-h", "--help"), "Show this help"),
        Option(()),
        Option(("--a-very-long-name-of-an-option-indeed",), ("word " * 20).strip()),
        Option(("--secret",), "Never shown", hidden=True),
    )
    text = command_help(command._replace(options=options))
    block = text.partition("Options:\n")[2].partition("\n\nFields")[0]
    column = " " * 40
    assert block == (
        f"{'    -h, --help':<40}Show this help.\n"
        "\n"
        "    --a-very-long-name-of-an-option-indeed\n"
        f"{column}word word word word word word word word\n"
        f"{column}word word word word word word word word\n"
        f"{column}word word word word."
    )
