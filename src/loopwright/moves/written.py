"""Code that moves wrote themselves: other moves leave it alone, its loops are as they should be."""

from __future__ import annotations

import re

from loopwright.moves.rewrite import blanked, closing_brace

TILES, BLAS, PATHS = "Register tiles:", "BLAS:", "Shortest paths:"
"""How the comments at the start of such blocks begin."""
PREFIX = "tile_product_"
"""How the names of the functions begin that such blocks call."""

_BLOCK = re.compile(rb"\{\s*/\*\s*(?:%b|%b|%b)" % (TILES.encode(), BLAS.encode(), PATHS.encode()))


def is_written(data: bytes, offset: int, function: str) -> bool:
    """Whether the loop at `offset` of `function` is part of what a move wrote."""
    if function.startswith(PREFIX):
        return True
    text = blanked(data)
    return any(
        match.start() < offset < closing_brace(text, match.start())
        for match in _BLOCK.finditer(data, 0, offset)
    )
