"""The function that multiplies two packed panels into one register tile, and where it goes in a file."""

from __future__ import annotations

import re

from loopwright.moves.move import Declined
from loopwright.moves.rewrite import Replacement, blanked, newline
from loopwright.moves.tile_shape import TileShape
from loopwright.moves.written import PREFIX


def kernel_name(shape: TileShape, dtype: str) -> str:
    """`tile_product_6x8_double`."""
    return f"{PREFIX}{shape.rows}x{shape.cols}_{dtype}"


def kernel_text(shape: TileShape, dtype: str, element_bytes: int) -> str:
    """The definition, in C and C++ with the vector extensions that gcc and clang share."""
    rows, vectors, lanes, cols = range(shape.rows), range(shape.vectors), shape.lanes, shape.cols
    lines = [
        f"/* sum[{shape.rows}][{cols}] = a^T b: a holds {shape.rows} and b {cols} elements for each step.",
        "   Not inlined, so that nothing else competes for the vector registers that hold the sums. */",
        "__attribute__((noinline))",
        f"static void {kernel_name(shape, dtype)}"
        f"(long depth, const {dtype} *a, const {dtype} *b, {dtype} *sum)",
        "{",
        f"    typedef {dtype} vec __attribute__((vector_size({lanes * element_bytes}), "
        f"aligned({element_bytes}), may_alias));",
    ]
    lines += ["    vec " + ", ".join(f"s{row}_{v} = {{0}}" for v in vectors) + ";" for row in rows]
    lines += ["    for (long p = 0; p < depth; p++) {"]
    lines.append(
        "        const vec " + ", ".join(f"b{v} = *(const vec *)(b + {v * lanes})" for v in vectors) + ";"
    )
    lines += ["        " + " ".join(f"s{row}_{v} += a[{row}] * b{v};" for v in vectors) for row in rows]
    lines += [f"        a += {shape.rows};", f"        b += {cols};", "    }"]
    for row in rows:
        lines.append(
            "    " + " ".join(f"*(vec *)(sum + {row * cols + v * lanes}) = s{row}_{v};" for v in vectors)
        )
    return "\n".join([*lines, "}"])


def kernel_change(
    data: bytes, before: int, shape: TileShape, dtype: str, element_bytes: int
) -> list[Replacement]:
    """The insertion of the function for code at offset `before`; none when the file has it already.

    Raises:
        Declined: when the name is taken, or no place is understood.
    """
    text = kernel_text(shape, dtype, element_bytes)
    at = data.replace(b"\r\n", b"\n").find(text.encode())
    if 0 <= at < before:
        return []
    if re.search(rb"\b%b\b" % kernel_name(shape, dtype).encode(), data):
        raise Declined(f"the file already has another '{kernel_name(shape, dtype)}'")
    return [placed(data, before, text)]


def placed(data: bytes, before: int, text: str, header: str = "<stdlib.h>") -> Replacement:
    """The insertion of `text` at file scope, after the last #include that stands before `before`.

    `header` is included as well when it is not yet. At the start of a file that includes nothing.

    Raises:
        Declined: when no such place is understood.
    """
    place, included = _after_includes(data, before, header.encode())
    ends = newline(data, place)
    pieces = [] if included else [f"#include {header}"]
    block = "\n".join([*pieces, *(["", text] if text else []), ""]).lstrip("\n" if place == 0 else "")
    return Replacement(place, place, block.replace("\n", ends.decode()).encode() + ends)


def included(data: bytes, before: int, header: str) -> list[Replacement]:
    """The insertion of an #include of `header`, as :func:`placed`; none where it stands before `before`."""
    change = placed(data, before, "", header)
    return [change] if change.text.strip() else []


def _after_includes(data: bytes, before: int, header: bytes) -> tuple[int, bool]:
    if data.startswith(b"\xef\xbb\xbf"):
        raise Declined("the file starts with a byte order mark")
    text = blanked(data)
    place, included, pending = 0, False, False
    braces = conditions = 0
    position = 0
    for line in text[:before].splitlines(keepends=True):
        end = position + len(line)
        directive = re.match(rb"[ \t]*#[ \t]*(\w+)", line)
        if directive is None:
            braces += line.count(b"{") - line.count(b"}")
        elif directive[1] in (b"if", b"ifdef", b"ifndef"):
            conditions += 1
        elif directive[1] == b"endif":
            conditions -= 1
            if conditions == 0 and pending and braces == 0:
                place, pending = end, False
        elif directive[1] == b"include":
            if line.rstrip().endswith(b"\\") or not line.endswith(b"\n"):
                raise Declined("an #include is continued on the next line")
            if conditions or braces:
                pending = True
            else:
                place = end
                included |= header in line
        position = end
    if pending:
        raise Declined("an #include stands inside braces or an #if: no place for a function is known")
    return place, included
