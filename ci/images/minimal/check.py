"""What the image is for, and each compiled module that is left, can be imported."""

import importlib
import sysconfig
from pathlib import Path

modules = ["http.client", "ipaddress", "json", "pymysql", "ssl", "urllib.request"]
folder = Path(sysconfig.get_path("platstdlib"), "lib-dynload")
modules += sorted(path.name.partition(".")[0] for path in folder.glob("*.so"))
for module in modules:
    importlib.import_module(module)
print(len(modules), "modules can be imported")
