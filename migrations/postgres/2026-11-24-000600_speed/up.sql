-- The yearly switch turns branches in the order of their ids, batch after batch. The index gives that order without a sort.
DROP INDEX organizations_turning;
CREATE INDEX organizations_turning ON organizations (id, graduation_month) WHERE graduated_season IS NULL AND graduation_month IS NOT NULL;
