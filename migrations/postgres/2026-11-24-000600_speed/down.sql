DROP INDEX organizations_turning;
CREATE INDEX organizations_turning ON organizations (graduation_month, id) WHERE graduated_season IS NULL AND graduation_month IS NOT NULL;
