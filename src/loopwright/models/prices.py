"""What a call costs: prices from a dated file. What the file does not know stays unknown."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from loopwright.core.errors import UsageError
from loopwright.models.model import Usage

OWN_FILE = "LOOPWRIGHT_PRICES"
"""Environment variable: a price file of the user's own, whose entries come first."""
_SHIPPED = Path(__file__).parent / "prices.toml"
_VERSION = re.compile(r"-(\d{8}|\d{4}-\d{2}-\d{2}|latest)$")


@dataclass(frozen=True)
class Price:
    """US dollars for a million tokens. `as_of` is the day on which somebody looked it up.

    `written` is for input that the provider puts into its cache; where it is not given, a quarter more than
    `input`: what Anthropic, which charges for it, asks for a cache that lasts five minutes.
    """

    input: float
    output: float
    cached: float | None = None
    as_of: str = ""
    written: float | None = None

    def cost_usd(self, usage: Usage) -> float:
        """What `usage` costs; cached input at the full price when no price for it is known."""
        cached = self.input if self.cached is None else self.cached
        written = 1.25 * self.input if self.written is None else self.written
        fresh = max(0, usage.input_tokens - usage.cached_tokens - usage.written_tokens)
        millions = fresh * self.input + usage.cached_tokens * cached + usage.written_tokens * written
        return (millions + usage.output_tokens * self.output) / 1e6


def price_of(provider: str, model: str, *, only_own: bool = False) -> Price | None:
    """The price of a model, None when it is not in the files. A date at the end of a name is passed over.

    `only_own`: the file that LOOPWRIGHT_PRICES names, and not the one that is shipped: for a server of one's
    own, whose models may bear the names of others.

    Raises:
        UsageError: when the file that LOOPWRIGHT_PRICES names is not one of prices.
    """
    own = os.environ.get(OWN_FILE)
    names = (f"{provider}/{model}", f"{provider}/{_VERSION.sub('', model)}")
    for path in (*([Path(own)] if own else []), *([] if only_own else [_SHIPPED])):
        table = read_prices(path)
        for name in names:
            if name in table:
                return table[name]
    return None


def unpriced(name: str) -> UsageError:
    """The error for a budget of money and a model without a price."""
    return UsageError(
        f"the price of {name} is not known, so that --cost could not be kept",
        hint=f"limit it by --tokens, or give the price in a file named by {OWN_FILE}",
    )


def read_prices(path: Path) -> Mapping[str, Price]:
    """All prices of one file, by `provider/model`.

    Raises:
        UsageError: with the file and the entry that is wrong.
    """
    where = str(path)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"not a file of prices: {error}", where=where) from error
    found: dict[str, Price] = {}
    for provider, models in data.items():
        if not isinstance(models, dict):
            continue
        for model, entry in models.items():
            try:
                price = Price(**entry)
                if price.input < 0 or price.output < 0 or min(price.cached or 0, price.written or 0) < 0:
                    raise ValueError("a price below nothing")
            except (TypeError, ValueError) as error:
                raise UsageError(
                    f"[{provider}] {model}: {error}",
                    where=where,
                    hint='write: "NAME" = { input = 1.0, output = 4.0, as_of = "2026-11-21" }',
                ) from error
            found[f"{provider}/{model}"] = price
    return found
