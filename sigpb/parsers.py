"""Parsers of text that end in one kind of error, however the text is damaged.

Python's own end in others too where the text is nested too deep, or holds a number of thousands of
digits, which `int` refuses to read.
"""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

AnyMessage = TypeVar("AnyMessage", bound=Message)

# Digits of numbers that an int64 holds, and one more.
_DIGITS = 20

_TOO_DEEP = "it is nested too deep"

# String literals of more characters than this are cut.
_LONG = 1 << 14
_QUOTE_OR_COMMENT = re.compile(r"#[^\n]*|[\"']")
_PIECES = {quote: re.compile(rf"(?:\\.|[^{quote}\\\n]){{1,{_LONG}}}") for quote in "\"'"}
# What an escape may go on with, as in \x41, \101 and \U0001F600.
_REST_OF_ESCAPE = re.compile(r"[0-9a-fA-FxXuU]{0,10}")


def parse_json_value(text: str | bytes, parse_float: Callable[[str], float] | None = None) -> Any:
    """Parses JSON.

    Args:
        text: The JSON.
        parse_float: What reads numbers that are no integers; `float` if it is left out.

    Raises:
        ValueError: If it is none; a `json.JSONDecodeError` where the place is known.
    """
    try:
        return json.loads(text, parse_float=parse_float)
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error


def parse_number(text: str) -> int | None:
    """Returns the number that decimal digits stand for; None if the text is not that.

    It counts something, and nothing is there as often as a number of many digits says: of such a
    number, another one is returned that is too large as well.
    """
    if not (text.isascii() and text.isdecimal()):
        return None
    return int(text) if len(text) < _DIGITS else 10**_DIGITS


class _Quotients(ast.NodeTransformer):
    """Puts numbers in the place of their quotients."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """Returns the value of a quotient of two numbers, and anything else as it is."""
        if isinstance(node.op, ast.Div):
            numbers = [ast.literal_eval(each) for each in (node.left, node.right)]
            if all(type(each) in (int, float) for each in numbers) and numbers[1]:
                return ast.copy_location(ast.Constant(numbers[0] / numbers[1]), node)
        return node


def parse_call(text: str) -> tuple[str, list[Any], dict[str, Any]]:
    """Parses a call whose arguments are Python literals, such as ``scale(mean=[0.5, 0.5])``.

    Numbers may also be quotients, such as ``1/255``.

    Returns:
        What is called, and its arguments: those without a name, and those with one.

    Raises:
        ValueError: If it is none.
    """
    try:
        call = _Quotients().visit(ast.parse(text.strip(), mode="eval")).body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            raise ValueError
        named = {str(each.arg): ast.literal_eval(each.value) for each in call.keywords if each.arg}
        if len(named) < len(call.keywords):
            raise ValueError
        return call.func.id, [*map(ast.literal_eval, call.args)], named
    except (ValueError, TypeError, SyntaxError) as error:
        raise ValueError(
            f"{text!r} is not a call with literals, such as resize(224, 224) or labels(['a', 'b'])"
        ) from error
    except (RecursionError, MemoryError) as error:
        raise ValueError(_TOO_DEEP) from error


def parse_literal(text: str) -> Any:
    """Parses a Python literal, such as ``[[1, 2.5], ['a', b'b']]``.

    Raises:
        ValueError: If it is none.
    """
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, TypeError, SyntaxError) as error:
        raise ValueError(f"{text!r} is not a Python literal, such as [[1, 2.5]]") from error
    except (RecursionError, MemoryError) as error:
        raise ValueError(_TOO_DEEP) from error


def parse_path(value: object) -> str:
    """Returns a value of JSON that is the path of a file, or its URL.

    Raises:
        ValueError: If it is no text, or no file can have that name.
    """
    if not isinstance(value, str) or "\0" in value:
        raise ValueError(f"{value!r} is no path")
    os.fsencode(value)  # Raises one for what is no text of any file system.
    return value


def parse_text_proto(
    text: str, message: AnyMessage, pool: DescriptorPool | None = None
) -> AnyMessage:
    """Parses a text proto into a message, and returns that.

    Args:
        text: The text.
        message: What to fill.
        pool: Where the types of ``Any`` are found.

    Raises:
        text_format.ParseError: If it is none.
    """
    from google.protobuf import text_format  # It takes long to import, and most models are binary.

    try:
        return text_format.Parse(with_short_literals(text), message, descriptor_pool=pool)
    except RecursionError as error:
        raise text_format.ParseError(_TOO_DEEP) from error
    except ValueError as error:  # Of a number, or an escape in a string.
        raise text_format.ParseError(str(error)) from error


def with_short_literals(text: str) -> str:
    """Returns a text proto that means the same, with long string literals cut into short ones.

    Protobuf's parser takes a hundred bytes of memory for each byte of a literal
    (`google.protobuf.text_format.Tokenizer`, whose pattern for strings remembers every character),
    and takes those that follow one another for one. Lines stay what they are, so that errors name
    the same ones.
    """
    return "".join(_with_cuts(text)) if len(text) > _LONG else text


def _with_cuts(text: str) -> Iterator[str]:
    done = position = 0
    while found := _QUOTE_OR_COMMENT.search(text, position):
        position, quote = found.end(), found[0]
        pieces = _PIECES.get(quote)
        while pieces and (piece := pieces.match(text, position)):
            position = piece.end()
            if position - piece.start() >= _LONG:
                rest = _REST_OF_ESCAPE.match(text, position)
                position = rest.end() if rest else position
                yield text[done:position]
                yield f"{quote} {quote}"
                done = position
        if pieces and text.startswith(quote, position):
            position += 1
    yield text[done:]
