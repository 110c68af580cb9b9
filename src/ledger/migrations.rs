//! The ledger's schema as an append-only list: entry `n` leads from version `n` to `n + 1`. Never edit an
//! entry that was released; add one.
//!
//! Indexes follow what is asked: claims read a partial index in row order, facts are found by their own text in
//! the order documents come. No index stands on a random value in the hot path (a unique index on a hash alone
//! was measured to cut insertion fourteenfold). A partial index is used only where the question holds each term
//! of its condition word for word, or an equality that implies it.
//!
//! Conditions that are looked at for every row name their words one by one: SQLite builds a table for a list of
//! three or more each time a statement runs.

/// Marks a file as our ledger (`PRAGMA application_id`): "rxdr".
pub(super) const APPLICATION_ID: i32 = 0x7278_6472;

/// From this form on events tell every move; a ledger of an earlier one begins with the states it has.
pub(super) const MOVES_FROM: u32 = 7;

/// All migrations in order.
pub(super) const MIGRATIONS: &[&str] = &[
    r"
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- One row a (system, environment, registration): what facts and sending are kept apart by.
CREATE TABLE realms (
    id INTEGER PRIMARY KEY,
    system TEXT NOT NULL,
    environment TEXT NOT NULL,
    registration TEXT NOT NULL,      -- SHA-256 of the registration number, or section:NAME
    section TEXT NOT NULL,           -- the section's name when last seen
    UNIQUE (system, environment, registration)
) STRICT;

CREATE TABLE senders (
    epoch INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    began_at TEXT NOT NULL
) STRICT;

CREATE TABLE intakes (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('drop', 'retry')),
    target INTEGER REFERENCES intakes (id),          -- of a retry: the intake whose rows are judged anew
    folder TEXT NOT NULL,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    received_at TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('received', 'staging', 'taken', 'unreadable', 'held', 'withdrawn', 'merged')),
    issues TEXT NOT NULL DEFAULT '[]',               -- of the whole file
    language TEXT NOT NULL CHECK (language IN ('bg', 'en')),
    accept TEXT NOT NULL DEFAULT 'good-rows' CHECK (accept IN ('good-rows', 'whole-document', 'whole-file')),
    mapping TEXT,                                    -- name, version, sha256 as JSON
    ignored_fields TEXT NOT NULL DEFAULT '[]',       -- fields whose change alone changes nothing
    sections TEXT NOT NULL DEFAULT '[]',
    realm_id INTEGER REFERENCES realms (id),         -- the first of its realms
    reading TEXT,                                    -- how it was read, as JSON
    layout TEXT NOT NULL DEFAULT '',                 -- sheet and header row: what makes row n the same row
    again_of INTEGER REFERENCES intakes (id),        -- the newest earlier intake of the same content
    supersedes INTEGER REFERENCES intakes (id),      -- the former file of this name, all of whose facts are here
    superseded_by INTEGER REFERENCES intakes (id),
    period TEXT,                                     -- its reports bear this since a newer file took its name
    changed INTEGER NOT NULL DEFAULT 0,              -- counts changes a report should show
    reported INTEGER NOT NULL DEFAULT -1             -- the count its reports show
) STRICT;
CREATE INDEX intakes_by_name ON intakes (folder, name);
CREATE INDEX intakes_by_content ON intakes (sha256);
CREATE INDEX intakes_to_report ON intakes (id) WHERE reported < changed;
CREATE INDEX intakes_unfinished ON intakes (id) WHERE state IN ('received', 'staging', 'held');

-- A file as it lay in its folder when it was taken.
CREATE TABLE sightings (
    folder TEXT NOT NULL,
    name TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    intake_id INTEGER NOT NULL REFERENCES intakes (id),
    PRIMARY KEY (folder, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE rows (
    intake_id INTEGER NOT NULL,
    row_no INTEGER NOT NULL,
    ignored INTEGER NOT NULL DEFAULT 0,              -- a rule says it makes no record
    issues TEXT,                                     -- of reading, mapping, validation; NULL = none
    record_id INTEGER,                               -- the record it gave (several rows may give one)
    PRIMARY KEY (intake_id, row_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE records (
    id INTEGER PRIMARY KEY AUTOINCREMENT,            -- never given twice, not even after a staging was dropped
    intake_id INTEGER NOT NULL,
    row_no INTEGER NOT NULL,                         -- its (first) row
    realm_id INTEGER,
    section TEXT,
    state TEXT NOT NULL CHECK (state = 'ready' OR state = 'sending' OR state = 'accepted' OR state = 'refused'
        OR state = 'pending' OR state = 'unknown' OR state = 'rejected' OR state = 'held' OR state = 'behind'
        OR state = 'duplicate' OR state = 'reversed' OR state = 'ignored'),
    valid INTEGER NOT NULL,                          -- passed validation
    until TEXT,                                      -- last day to send
    reverse_until TEXT,                              -- last day to reverse once accepted
    reason TEXT,                                     -- why it stands where it stands, as a list of issues
    released INTEGER NOT NULL DEFAULT 0,             -- a person let it go: no window holds it any more
    way TEXT,                                        -- how it met of_record
    of_record INTEGER,                               -- the record it waits for, repeats, changes or doubles
    newer INTEGER,                                   -- the record that took its place
    older INTEGER,                                   -- the record whose place it took
    doc_intake INTEGER,                              -- with document: rows that stand or fall together
    document TEXT,
    mapped_number TEXT,
    transaction_id INTEGER                           -- the current one
) STRICT;
CREATE INDEX records_ready ON records (realm_id, id) WHERE state = 'ready';
CREATE INDEX records_held ON records (intake_id) WHERE state = 'held';
CREATE INDEX records_behind ON records (intake_id) WHERE state = 'behind';
-- Those on their way are found by their batches: they come and go with every row.
CREATE INDEX records_open ON records (realm_id, state) WHERE state <> 'accepted' AND state <> 'sending'
    AND state <> 'ready' AND state <> 'refused' AND state <> 'rejected' AND state <> 'duplicate'
    AND state <> 'reversed' AND state <> 'ignored';
CREATE INDEX records_after ON records (of_record) WHERE of_record IS NOT NULL;
CREATE INDEX records_documents ON records (doc_intake, document) WHERE document IS NOT NULL;
CREATE INDEX records_taking ON records (intake_id) WHERE older IS NOT NULL;
CREATE INDEX records_weak ON records (intake_id) WHERE way = 'weak-again';
CREATE INDEX records_in_documents ON records (intake_id, doc_intake, document) WHERE document IS NOT NULL;
CREATE INDEX records_mapped ON records (realm_id, mapped_number) WHERE mapped_number IS NOT NULL;

-- What is sent of a valid record, as canonical JSON. Apart from what changes, which is written anew with each move.
CREATE TABLE contents (
    record_id INTEGER PRIMARY KEY,
    members TEXT NOT NULL
) STRICT;

CREATE TABLE scopes (
    id INTEGER PRIMARY KEY,
    realm_id INTEGER NOT NULL REFERENCES realms (id),
    name TEXT NOT NULL,
    UNIQUE (realm_id, name)
) STRICT;

-- What makes a row the same fact when it comes again. One live row a fact: the database says so.
CREATE TABLE facts (
    intake_id INTEGER NOT NULL,
    row_no INTEGER NOT NULL,
    part INTEGER NOT NULL,
    scope_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    generation INTEGER NOT NULL DEFAULT 1,
    record_id INTEGER NOT NULL,
    live INTEGER NOT NULL,
    PRIMARY KEY (intake_id, row_no, part)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX facts_live ON facts (scope_id, key) WHERE live = 1;

CREATE TABLE batches (
    id INTEGER PRIMARY KEY,
    realm_id INTEGER NOT NULL,
    section TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('sending', 'retry', 'pending', 'unknown', 'settled')),
    rows INTEGER NOT NULL,
    body BLOB NOT NULL,                              -- deflated; the bytes that are sent, whatever the attempt
    body_sha256 TEXT NOT NULL,
    remote TEXT,
    ticket TEXT,
    due_at TEXT,                                     -- retry or next question
    tries INTEGER NOT NULL DEFAULT 0,
    seen TEXT,                                       -- what the last attempt came to, in words
    owner_epoch INTEGER NOT NULL,
    lease_until TEXT,
    sent_at TEXT,
    answered_at TEXT
) STRICT;
CREATE INDEX batches_due ON batches (realm_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX batches_open ON batches (id) WHERE state <> 'settled';

-- One lifetime of one of our numbers.
CREATE TABLE transactions (
    id INTEGER PRIMARY KEY,
    record_id INTEGER NOT NULL,
    number TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state = 'sending' OR state = 'accepted' OR state = 'pending' OR state = 'refused'
        OR state = 'unknown' OR state = 'not_received'),
    batch_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    remote_id TEXT,
    errors TEXT,                                     -- the system's words, as JSON
    settled_at TEXT
) STRICT;
CREATE INDEX transactions_of_batch ON transactions (batch_id, position);
CREATE INDEX transactions_by_number ON transactions (number);
CREATE INDEX transactions_by_remote ON transactions (remote_id) WHERE remote_id IS NOT NULL;

CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    batch_id INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('submit', 'ask', 'look', 'reverse')),
    state TEXT NOT NULL CHECK (state IN ('sending', 'answered', 'applied', 'not_sent', 'unknown')),
    began_at TEXT NOT NULL,
    ended_at TEXT,
    http_status INTEGER,
    headers TEXT,
    raw BLOB,                                        -- deflated; the answer before anything was read from it
    seen TEXT
) STRICT;
CREATE INDEX attempts_open ON attempts (id) WHERE state IN ('sending', 'answered');

CREATE TABLE reports (
    folder TEXT NOT NULL,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    kind TEXT NOT NULL,
    intake_id INTEGER NOT NULL,
    PRIMARY KEY (folder, name, sha256)
) STRICT, WITHOUT ROWID;

-- Append-only; each event bears the hash of the one before.
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject INTEGER,
    data TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
",
    r"
-- Events are only ever added: what a person's tool would change or remove of them is refused.
CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'events are only ever added'); END;
CREATE TRIGGER events_are_not_removed BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'events are only ever added'); END;

ALTER TABLE attempts ADD COLUMN sha256 TEXT;         -- of the answer; stays when the answer itself is dropped by age
ALTER TABLE attempts ADD COLUMN times INTEGER NOT NULL DEFAULT 1;  -- how often in a row a question got this answer
CREATE INDEX attempts_of_batch ON attempts (batch_id);
",
    r"
-- Drop folders that bear our mark: one of these without it is away, not new.
CREATE TABLE folders (path TEXT PRIMARY KEY, known_at TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- Rows of a folder ('' = of any) whose last day to send is not later may have been sent by somebody else.
CREATE TABLE doubts (id INTEGER PRIMARY KEY, folder TEXT NOT NULL, until TEXT NOT NULL) STRICT;
",
    r"
-- What a person has to vouch for before a valid record may go, as a list of issues; NULL = nothing, or no longer.
ALTER TABLE records ADD COLUMN doubt TEXT;
",
    r"
-- Unknown transactions that the system is asked about by our number: in which batch they went, when it is asked
-- next, and when it first said that they are not there, by our clock and by its own.
CREATE TABLE looks (
    transaction_id INTEGER NOT NULL,
    batch_id INTEGER NOT NULL,
    realm_id INTEGER NOT NULL,
    next_at TEXT NOT NULL,
    absent_at TEXT,
    absent_date TEXT,
    seen_at TEXT,
    seen TEXT,                                       -- what the last question came to, in words
    PRIMARY KEY (transaction_id, batch_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX looks_next ON looks (realm_id, next_at);
ALTER TABLE attempts ADD COLUMN transaction_id INTEGER;  -- of a question about a single one
ALTER TABLE scopes ADD COLUMN identity TEXT;         -- what its rows are told apart by; NULL = not known
ALTER TABLE intakes ADD COLUMN reminded TEXT;        -- the day on which its unknown rows were last warned of

-- Numbers of the system that lists showed and no transaction here bore, with the newest attempt of then: what was
-- first sent later can't bear them.
CREATE TABLE listed_ids (
    realm_id INTEGER NOT NULL,
    id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    PRIMARY KEY (realm_id, id)
) STRICT, WITHOUT ROWID;

-- Of which rows a list said that it lacks them.
CREATE TABLE unlisted (
    intake_id INTEGER NOT NULL,
    transaction_id INTEGER NOT NULL,
    PRIMARY KEY (intake_id, transaction_id)
) STRICT, WITHOUT ROWID;
",
    r"
-- The row's own day. Who may have sent it when a ledger or a folder was taken over goes by it, and `until` of `doubts`
-- is such a day from here on; what is not known is in doubt.
ALTER TABLE records ADD COLUMN day TEXT;
",
    r"
-- In which states an event left the rows that its commit touched, as runs of ids of one state. The event's data holds
-- a hash over its runs. Rows of a file count from its acceptance on.
CREATE TABLE moves (
    event INTEGER NOT NULL,
    noun TEXT NOT NULL,                              -- intakes, records, transactions, batches or attempts
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (event, noun, first)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER moves_are_not_changed BEFORE UPDATE ON moves
    BEGIN SELECT RAISE(ABORT, 'moves are only ever added'); END;
CREATE TRIGGER moves_are_not_removed BEFORE DELETE ON moves
    BEGIN SELECT RAISE(ABORT, 'moves are only ever added'); END;
",
    r"
-- The system's number under which a list shows a row that somebody else sent.
ALTER TABLE records ADD COLUMN listed_id TEXT;
CREATE INDEX records_listed ON records (listed_id) WHERE listed_id IS NOT NULL;

-- Whether a list showed it before a takeover: what is in doubt since may be another movement.
ALTER TABLE listed_ids ADD COLUMN before_takeover INTEGER NOT NULL DEFAULT 0;

-- In which state it stood then; only what was unknown is looked after.
ALTER TABLE unlisted ADD COLUMN state TEXT NOT NULL DEFAULT 'unknown';
CREATE INDEX unlisted_unknown ON unlisted (intake_id) WHERE state = 'unknown';
CREATE INDEX unlisted_of ON unlisted (transaction_id);
",
    r"
-- The row in which what moved came first: the one that a chain of names (rx_ref) begins with. NULL = its own row, and
-- nobody names it.
ALTER TABLE records ADD COLUMN moved_intake INTEGER;
ALTER TABLE records ADD COLUMN moved_row INTEGER;
DROP INDEX records_taking;
CREATE INDEX records_taking ON records (intake_id, older) WHERE older IS NOT NULL;
CREATE INDEX records_of_movement ON records (moved_intake, moved_row, state) WHERE moved_intake IS NOT NULL;
-- Whose reports show a row: those of its own file, and of the files whose rows it replaced.
CREATE INDEX records_replaced ON records (newer) WHERE newer IS NOT NULL;
",
    r"
-- Of a held row, the newest file that had come when it was asked about: that file, and those before it, are no answer.
-- NULL = held by an earlier version, which did not keep it.
ALTER TABLE records ADD COLUMN asked_after INTEGER;
",
];
