-- The markers beside Django's table of sessions, version 1, for MySQL 8.0.13, MariaDB 10.5, or later.

CREATE TABLE IF NOT EXISTS django_session_markers (
    session_key VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    -- The note that a session leaves for a minute when it is destroyed or renewed.
    marker VARCHAR(300) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- UTC.
    expires_at DATETIME(6) NOT NULL,
    INDEX django_session_markers_expiry (expires_at)
) ENGINE = InnoDB;

-- The version of this schema. No session has such a key.
INSERT IGNORE INTO django_session_markers (session_key, marker, expires_at)
VALUES ('(schema)', 'schema 1', '9999-12-31 23:59:59');
