"""What the image is for, and each compiled module that is left, can be imported."""

import importlib
import os
import sysconfig

modules = ["http.client", "ipaddress", "json", "pymysql", "ssl", "urllib.request"]
folder = sysconfig.get_path("platstdlib") + "/lib-dynload"
modules += sorted(name.partition(".")[0] for name in os.listdir(folder) if name.endswith(".so"))
for module in modules:
    importlib.import_module(module)
print(len(modules), "modules can be imported")
