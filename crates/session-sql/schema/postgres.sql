-- The table of session-sql, version 1, for PostgreSQL 12 or later.

CREATE TABLE IF NOT EXISTS http_sessions (
    session_key text COLLATE "C" NOT NULL PRIMARY KEY,
    -- The session's JSON text. NULL in the row of a marker.
    value text,
    -- The note that a session leaves for a minute when it is destroyed or renewed. NULL in the row of a session.
    marker text,
    -- The prefix of the key and the user.
    user_id text COLLATE "C",
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now(),
    -- The hour of expires_at, counted since 1970, so that few writes change the index, and the others can be HOT updates.
    -- The clean-up looks at rows of earlier hours; 0 means unknown. Not a generated column, whose expression PostgreSQL
    -- would read anew for each update.
    expiry_hour integer NOT NULL DEFAULT 0
) WITH (fillfactor = 80);

CREATE INDEX IF NOT EXISTS http_sessions_expiry ON http_sessions (expiry_hour);

CREATE INDEX IF NOT EXISTS http_sessions_user ON http_sessions (user_id) WHERE user_id IS NOT NULL;

-- The version of this schema. No session has such a key.
INSERT INTO http_sessions (session_key, marker, expires_at)
VALUES ('(schema)', 'schema 1', '9999-12-31 23:59:59+00')
ON CONFLICT (session_key) DO NOTHING;
