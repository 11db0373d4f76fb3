#!/bin/sh
# Installs the command-line agents that the tests drive against a scripted server: install-agents.sh [FOLDER]
# Nothing of the kind is needed for Loopwright itself; without npm the tests that need them are skipped.
set -eu

folder=${1:-.npm}
mkdir -p "$folder"
if ! command -v npm >/dev/null 2>&1; then
    echo "npm is not installed: the tests with real command-line agents will be skipped" >&2
    exit 0
fi
if ! npm install --silent --no-fund --no-audit --prefix "$folder" \
    @openai/codex@0.169.0 @anthropic-ai/claude-code@2.1.197 @qwen-code/qwen-code@0.15.10 \
    @google/gemini-cli@0.61.0 opencode-ai@1.18.33; then
    echo "npm could not install the agents: the tests with them will be skipped" >&2
fi
