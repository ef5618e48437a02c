-- The table of session-sql, version 1, for SQLite 3.35 or later.

CREATE TABLE IF NOT EXISTS http_sessions (
    session_key TEXT NOT NULL PRIMARY KEY,
    -- The session's JSON text. NULL in the row of a marker.
    value TEXT,
    -- The note that a session leaves for a minute when it is destroyed or renewed. NULL in the row of a session.
    marker TEXT,
    -- The prefix of the key and the user.
    user_id TEXT,
    -- Milliseconds since 1970.
    expires_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL DEFAULT (strftime('%s', 'now') * 1000),
    seen_at INTEGER NOT NULL DEFAULT (strftime('%s', 'now') * 1000),
    -- An hour, counted since 1970. Once it is over, the clean-up looks at the row: it deletes an expired one, and gives
    -- any other the hour of its expires_at. Writes that extend a session leave this column, so they change no index.
    due_hour INTEGER NOT NULL DEFAULT 0
);

CREATE INDEX IF NOT EXISTS http_sessions_due ON http_sessions (due_hour);

CREATE INDEX IF NOT EXISTS http_sessions_user ON http_sessions (user_id) WHERE user_id IS NOT NULL;

-- The version of this schema. No session has such a key.
INSERT INTO http_sessions (session_key, marker, expires_at, due_hour)
VALUES ('(schema)', 'schema 1', 253402300799000, 70389527)
ON CONFLICT (session_key) DO NOTHING;
