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
    seen_at INTEGER NOT NULL DEFAULT (strftime('%s', 'now') * 1000)
);

-- By the hour, so that few writes change the index.
CREATE INDEX IF NOT EXISTS http_sessions_expiry ON http_sessions (expires_at / 3600000);

CREATE INDEX IF NOT EXISTS http_sessions_user ON http_sessions (user_id) WHERE user_id IS NOT NULL;

-- The version of this schema. No session has such a key.
INSERT INTO http_sessions (session_key, marker, expires_at)
VALUES ('(schema)', 'schema 1', 253402300799000)
ON CONFLICT (session_key) DO NOTHING;
