#!/bin/sh
# Makes a virtual environment with Loopwright and its development tools: install-python.sh FOLDER
set -eu

venv=${1:-.venv}
python=""
for candidate in python3 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null 2>&1 &&
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "Loopwright needs Python 3.11 or newer: apt-get install python3 python3-venv" >&2
    exit 3
fi
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
echo "Installing Loopwright into $venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
