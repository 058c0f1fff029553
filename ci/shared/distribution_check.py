"""MODULE VERSION PROGRAM...: an error if the module is missing or has another version, or a program does not start."""

import importlib
import subprocess
import sys
from importlib import metadata

module, version, *programs = sys.argv[1:]
importlib.import_module(module)
found = sorted({metadata.version(name) for name in metadata.packages_distributions()[module]})
print(module, *found)
if found != [version]:
    sys.exit(f"the recipe says {version}")
for program in programs:
    done = subprocess.run([program, "--help"], check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{program} --help: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    print(program)
