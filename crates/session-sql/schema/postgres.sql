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
    -- An hour, counted since 1970. Once it is over, the clean-up looks at the row: it deletes an expired one, and gives
    -- any other the hour of its expires_at. Writes that extend a session leave this column, so they are HOT updates.
    due_hour integer NOT NULL DEFAULT 0
) WITH (fillfactor = 80);

CREATE INDEX IF NOT EXISTS http_sessions_due ON http_sessions (due_hour);

CREATE INDEX IF NOT EXISTS http_sessions_user ON http_sessions (user_id) WHERE user_id IS NOT NULL;

-- The version of this schema. No session has such a key.
INSERT INTO http_sessions (session_key, marker, expires_at, due_hour)
VALUES ('(schema)', 'schema 1', '9999-12-31 23:59:59+00', 70389527)
ON CONFLICT (session_key) DO NOTHING;
