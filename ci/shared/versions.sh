# For the build.sh of a recipe that makes container runtimes: `doctor` reads the file `versions` in its result.

# note_version NAME COMMAND...: add a line with the first word, of what the command prints, that begins with a digit.
note_version() {
  name=$1
  shift
  version=$("$@" | tr -s ' \t' '\n' | grep -m 1 '^[0-9]')
  echo "$name $version" | tee -a "$OUT/versions"
}
