"""Cannot drop, and says so: with the administrator's password, which must reach no report."""

import os
import sys

sys.exit("db_drop failed: the server refused {}".format(os.environ["DB_ADMIN_PASSWORD"]))
