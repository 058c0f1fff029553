#!/usr/bin/env bash
# One exit code for all parts of a nightly run: worst.sh FOLDER NUMBER. part.sh has filled a folder in FOLDER for each
# of NUMBER parts. A part without an exit code did not come to its end, so nothing is known about its charts (3).
set -euo pipefail
folder=$1
number=$2
shopt -s nullglob
codes=("$folder"/*/code)
for file in "${codes[@]}"; do
  echo "$(cat "$file")  $(basename "$(dirname "$file")")"
done
ended() { [ "${#codes[@]}" -gt 0 ] && grep -qx "$1" "${codes[@]}"; }
# A violation counts most; a part without a cell (5) is no failure beside one that has passed.
if ended 1; then exit 1; fi
if [ "${#codes[@]}" -ne "$number" ]; then
  echo "${#codes[@]} of $number parts came to their end" >&2
  exit 3
fi
# A code that the program does not have is that of a shell: killed, or not found.
if grep -qvx '[02345]' "${codes[@]}"; then exit 3; fi
for code in 3 2 4; do
  if ended "$code"; then exit "$code"; fi
done
if ended 0; then exit 0; fi
exit 5
