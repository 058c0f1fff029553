#!/usr/bin/env bash
# One part of a nightly run: part.sh FOLDER ARGUMENT... runs `osh-conformance live ARGUMENT...`, and keeps the JSON
# document, JUnit XML, artifacts and exit code in FOLDER.
set -euo pipefail
folder=$1
shift
mkdir -p "$folder"
code=0
osh-conformance live --json "$folder/report.json" --junit "$folder/junit.xml" --artifacts "$folder/artifacts" "$@" \
  || code=$?
echo "$code" > "$folder/code"
exit "$code"
