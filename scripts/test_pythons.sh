#!/usr/bin/env bash
# Runs the test suite on every declared interpreter found on this machine (pyenv's, or on the PATH).
set -euo pipefail
# durable-rules calls a function that Python 3.13 no longer has; its successor takes the same arguments.
export CPPFLAGS=-DPyEval_CallObject=PyObject_CallObject
cd "$(dirname "${BASH_SOURCE[0]}")/.."
for version in 3.11 3.12 3.13; do
  python=""
  for candidate in "$(command -v "python$version" || true)" "$HOME"/.pyenv/versions/"$version".*/bin/python; do
    if [ -x "$candidate" ] && "$candidate" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$version')" 2>/dev/null; then
      python="$candidate"
    fi
  done
  if [ -z "$python" ]; then
    echo "Python $version: not on this machine"
    continue
  fi
  folder=$(mktemp -d)
  "$python" -m venv "$folder/venv"
  "$folder/venv/bin/python" -m pip install --quiet -e '.[dev,cohort,dask,author,service]'
  echo "Python $version:"
  "$folder/venv/bin/python" -m pytest -n auto -q
  rm -rf "$folder"
done
