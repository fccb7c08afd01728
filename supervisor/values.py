"""Pure: whether a value of the file's, or a word, is what a setting takes; and the sentence if it is not."""

import re
import types
from typing import Any, Literal, Union, get_args, get_origin

UNIONS = (Union, types.UnionType)
WHOLE = re.compile(r"[+-]?[0-9]{1,4000}")
SWITCH = frozenset({"true", "t", "yes", "y", "1", "false", "f", "no", "n", "0"})
TEXT_MOST = 80
HUGE_BITS = 4096  # Python writes out no number of many more
KINDS: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text in quotes",
}


def fits(value: object, hint: Any) -> bool:  # noqa: ANN401 type hints have no type of their own
    """A value as TOML gives it."""
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) in UNIONS:
        return any(fits(value, part) for part in get_args(hint))
    if get_origin(hint) is tuple:
        return isinstance(value, list) and all(fits(item, get_args(hint)[0]) for item in value)
    if isinstance(value, int) and value.bit_length() > HUGE_BITS:
        return False
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is hint


def word_fits(word: str, hint: Any) -> bool:  # noqa: ANN401 as above
    """A word of the command line or the environment; of a list it is one item."""
    if get_origin(hint) is Literal:
        return word in get_args(hint)
    if get_origin(hint) in UNIONS:
        return any(word_fits(word, part) for part in get_args(hint))
    if get_origin(hint) is tuple:
        return word_fits(word, get_args(hint)[0])
    if hint is int:
        return WHOLE.fullmatch(word) is not None
    if hint is bool:
        return word.lower() in SWITCH
    return hint is not float or _is_number(word)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def refusal(path: str, value: object, hint: Any) -> str:  # noqa: ANN401 as above
    """The same sentence wherever the value stands."""
    return f"{path}: {shown(value)} is not {in_words(hint)}"


def in_words(hint: Any) -> str:  # noqa: ANN401 as above
    """What a setting of this type takes."""
    if get_origin(hint) is Literal:
        return " or ".join(get_args(hint))
    if get_origin(hint) in UNIONS:
        return " or ".join(map(in_words, get_args(hint)))
    return KINDS.get(hint, "a list of numbers, [8080]" if int in get_args(hint) else 'a list of texts, ["…"]')


def item_of(hint: Any) -> Any:  # noqa: ANN401 as above
    """The type of one word."""
    return get_args(hint)[0] if get_origin(hint) is tuple else hint


def shown(value: object) -> str:
    """As people write it, not as Python does."""
    match value:
        case bool():
            return str(value).lower()
        case int() if value.bit_length() > HUGE_BITS:
            return "so large a number"
        case str():
            return repr(value[:TEXT_MOST]) + "…" * (len(value) > TEXT_MOST)
        case list() | tuple():
            return f"[{', '.join(map(shown, value))}]"
        case dict():
            return "a table"
    return str(value)
