"""Frozen dataclasses to plain JSON data and back. The only place that knows how types look on disk."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable, Mapping
from enum import Enum
from functools import cache
from typing import Any, TypeVar, cast, get_type_hints

T = TypeVar("T")


def to_data(value: object) -> Any:
    """Plain data for `json.dumps`: dataclasses become objects, enums their values, tuples lists.

    JSON has no infinities and no NaN: they become the strings "Infinity", "-Infinity" and "NaN".
    """
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | str():
            return value
        case float():
            if math.isfinite(value):
                return value
            return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
        case Mapping():
            return {str(to_data(k)): to_data(v) for k, v in value.items()}
        case list() | tuple() | set() | frozenset():
            return [to_data(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_data(getattr(value, f.name)) for f in dataclasses.fields(value)}
    raise TypeError(f"{type(value).__name__} does not belong in a record")


def from_data(cls: type[T], data: object, **given: object) -> T:
    """The dataclass `cls` from what :func:`to_data` made of it; `given` sets fields that were left out.

    Fields that a newer version added take their defaults; fields that this version does not know are
    passed over, so that old and new files stay readable.

    Raises:
        ValueError: when the data do not fit.
    """
    if not given:
        result: T = _adapter(cast(Hashable, cls)).validate_python(data)
        return result
    if not isinstance(data, Mapping):
        raise ValueError(f"expected an object for {cls.__name__}, found {type(data).__name__}")
    hints = get_type_hints(cls)
    fields: dict[str, object] = dict(given)
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        if field.name in data and field.name not in given:
            fields[field.name] = _adapter(hints[field.name]).validate_python(data[field.name])
    return cls(**fields)


@cache
def _adapter(kind: Hashable) -> Any:
    # pydantic takes a tenth of a second to import; most commands never read a record.
    from pydantic import TypeAdapter

    return TypeAdapter(cast(Any, kind))
