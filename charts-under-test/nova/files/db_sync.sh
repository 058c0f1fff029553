#!/bin/sh
# Migrate Nova's three schemas with Nova's own program, and map its two cells. No mapping has the database's password:
# the configuration gives each connection its account.
set -eu
nova-manage api_db sync
cells=
# Not inside a test, which would hide a failure.
said=$(nova-manage cell_v2 map_cell0 --database_connection "$CELL0_CONNECTION")
if [ -n "$said" ]; then
  # It says that the mapping was there already.
  cells=$(nova-manage cell_v2 list_cells)
fi
case $cells in
  *"| cell1 | "*)
    cell=${cells#*"| cell1 | "}
    # Its message queue may have moved.
    nova-manage cell_v2 update_cell --cell_uuid "${cell%% *}"
    ;;
  *)
    nova-manage cell_v2 create_cell --name cell1
    ;;
esac
nova-manage db sync
