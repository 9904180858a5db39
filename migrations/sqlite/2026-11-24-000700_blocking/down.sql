DROP INDEX sessions_age;
DROP TABLE account_blocks;
