"""What tests of several gates need."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopwright.gates import proofs


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, so that controls are really tried: the file of those that passed."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    monkeypatch.setattr(proofs, "_known", {})
    return folder / "loopwright" / "controls.json"
