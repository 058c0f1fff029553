"""Makes its database some seconds after it is ready."""

import time

import db_init

time.sleep(8)
db_init.main()
time.sleep(3600)
