"""Options as ``zfs`` and ``zpool`` take them: single letters, bundled, operands after them."""

from .host_file import fail


def parse(arguments, flags, valued=""):
    """Split ``arguments`` into ``(options, operands)``.

    ``options`` maps a letter of ``flags`` to True and a letter of ``valued`` to the list of its
    values. The first operand, or ``--``, ends the options.
    """
    options, operands = {}, []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return options, operands + rest
        if len(word) < 2 or word[0] != "-":
            return options, [word, *rest]
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in valued:
                value = letters or (rest.pop(0) if rest else fail_missing(letter))
                options.setdefault(letter, []).append(value)
                letters = ""
            elif letter in flags:
                options[letter] = True
            else:
                fail(f"invalid option '{letter}'\nusage:", 2)
    return options, operands


def fail_missing(letter):
    fail(f"missing argument for '{letter}' option\nusage:", 2)
