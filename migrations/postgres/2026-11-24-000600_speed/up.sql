-- The yearly switch takes the branches to be turned by their ids, batch after batch: read in that order, not sorted for
-- each batch.
DROP INDEX organizations_turning;
CREATE INDEX organizations_turning ON organizations (id, graduation_month) WHERE graduated_season IS NULL AND graduation_month IS NOT NULL;
