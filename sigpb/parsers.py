"""Parsers of text that end in one kind of error, however the text is damaged.

Python's own end in others too where the text is nested too deep, or holds a number of thousands of
digits, which `int` refuses to read.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

AnyMessage = TypeVar("AnyMessage", bound=Message)

_TOO_DEEP = "it is nested too deep"


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
        return text_format.Parse(text, message, descriptor_pool=pool)
    except RecursionError as error:
        raise text_format.ParseError(_TOO_DEEP) from error
    except ValueError as error:  # Of a number, or an escape in a string.
        raise text_format.ParseError(str(error)) from error
