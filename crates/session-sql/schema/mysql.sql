-- The table of session-sql, version 1, for MySQL 8.0.13, MariaDB 10.5, or later.

CREATE TABLE IF NOT EXISTS http_sessions (
    session_key VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    -- The session's JSON text. NULL in the row of a marker. Not of the type JSON, which would rewrite the text.
    value LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    -- The note that a session leaves for a minute when it is destroyed or renewed. NULL in the row of a session.
    marker VARCHAR(300) CHARACTER SET ascii COLLATE ascii_bin,
    -- The prefix of the key and the user. Compared byte by byte.
    user_id VARBINARY(400),
    -- These times are UTC.
    expires_at DATETIME(3) NOT NULL,
    created_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)),
    seen_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)),
    -- The hour of expires_at, counted since 1970, so that few writes change the index. The clean-up looks for it.
    due_hour INT GENERATED ALWAYS AS (TIMESTAMPDIFF(HOUR, '1970-01-01', expires_at)) STORED,
    INDEX http_sessions_due (due_hour),
    INDEX http_sessions_user (user_id)
) ENGINE = InnoDB;

-- The version of this schema. No session has such a key.
INSERT IGNORE INTO http_sessions (session_key, marker, expires_at)
VALUES ('(schema)', 'schema 1', '9999-12-31 23:59:59');
