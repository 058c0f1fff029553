"""VERSION: an error if a module that scripts of database Jobs import is missing, or SQLAlchemy has another version."""

import importlib
import sys

import sqlalchemy

for module in ("configparser", "logging", "os", "pymysql", "ssl", "sys"):
    importlib.import_module(module)
print("SQLAlchemy", sqlalchemy.__version__)
if sqlalchemy.__version__ != sys.argv[1]:
    sys.exit(f"the recipe says {sys.argv[1]}")
sqlalchemy.create_engine("mysql+pymysql://user:password@host:3306/database")
