"""Fails with a message that contains the administrator's password. No report may contain it."""

import os
import sys

sys.exit("db_drop failed: the server refused {}".format(os.environ["DB_ADMIN_PASSWORD"]))
