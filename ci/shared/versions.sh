# For the build.sh of a recipe that makes container runtimes: `doctor` reads the file `versions` in its result.

# note_version NAME COMMAND...: add a line with the first word, of what the command prints, that begins with a digit.
note_version() (
  name=$1
  shift
  if ! printed=$("$@"); then
    echo "$name does not run: $*" >&2
    exit 1
  fi
  version=$(printf '%s\n' "$printed" | tr -s ' \t' '\n' | sed -n '/^[0-9]/{p;q;}')
  if [ -z "$version" ]; then
    echo "$name names no version; $* printed: $printed" >&2
    exit 1
  fi
  echo "$name $version" | tee -a "$OUT/versions"
)
