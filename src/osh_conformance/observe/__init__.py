"""Looking at a cell: pods, Jobs, the database server, the identity service, and counts. Changes nothing."""
