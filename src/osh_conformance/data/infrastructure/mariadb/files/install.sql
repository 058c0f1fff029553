-- Once, when the system tables are made: accounts that would win over root@'%' and refuse its password.
DELETE FROM mysql.global_priv WHERE User = '' OR (User = 'root' AND Host NOT IN ('%', 'localhost'));
