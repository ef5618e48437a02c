-- The markers beside Django's table of sessions, version 1, for PostgreSQL 12 or later.

CREATE TABLE IF NOT EXISTS django_session_markers (
    session_key text COLLATE "C" NOT NULL PRIMARY KEY,
    -- The note that a session leaves for a minute when it is destroyed or renewed.
    marker text NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX IF NOT EXISTS django_session_markers_expiry ON django_session_markers (expires_at);

-- The version of this schema. No session has such a key.
INSERT INTO django_session_markers (session_key, marker, expires_at)
VALUES ('(schema)', 'schema 1', '9999-12-31 23:59:59+00')
ON CONFLICT (session_key) DO NOTHING;
