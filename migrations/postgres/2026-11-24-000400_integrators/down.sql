ALTER TABLE integrators ADD COLUMN secret_digest BYTEA NOT NULL DEFAULT '';
ALTER TABLE integrators ADD COLUMN last_used_at BIGINT;
-- Of several secrets the latest valid one remains.
UPDATE integrators SET
    secret_digest = coalesce((SELECT s.secret_digest FROM integrator_secrets s
        WHERE s.account_id = integrators.account_id AND s.retired_at IS NULL ORDER BY s.id DESC LIMIT 1), ''),
    last_used_at = (SELECT max(s.last_used_at) FROM integrator_secrets s WHERE s.account_id = integrators.account_id);
DROP TABLE integrator_secrets;
ALTER TABLE integrators DROP COLUMN reach;
ALTER TABLE integrators DROP COLUMN scopes;
