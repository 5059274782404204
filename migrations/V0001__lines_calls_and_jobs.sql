-- Lines, the calls to them, and the ledger of what we owe people and may have done.
--
-- The rules about people stand here first and in the code second: every constraint's name states the
-- rule that it holds, and the code maps that name to the reason which a person reads.

CREATE EXTENSION IF NOT EXISTS btree_gist;

-- The clock that decides: permits, leases, expiry and local days are all computed from it. It is the
-- statement's start, so that an index can serve `due_at <= switchboard_now()`. Only test databases and
-- a local stack replace it; `verify` refuses a production database where it is anything else.
CREATE FUNCTION switchboard_now() RETURNS timestamptz LANGUAGE sql STABLE
  AS 'SELECT statement_timestamp()';

CREATE DOMAIN phone AS text
  CONSTRAINT phone_is_e164 CHECK (VALUE ~ '^\+[1-9][0-9]{6,14}$');

-- ---------------------------------------------------------------- lines and the calls to them

CREATE TABLE lines (
  number                 phone PRIMARY KEY,
  forward_to             phone NOT NULL,
  business_name          text NOT NULL CONSTRAINT line_has_a_business_name CHECK (btrim(business_name) <> ''),
  -- {business} stands for business_name.
  text_template          text NOT NULL
    DEFAULT 'Hi, this is {business}. Sorry we missed your call! Reply here and we will get right back to you.'
    CONSTRAINT text_template_fits_a_message CHECK (length(btrim(text_template)) BETWEEN 1 AND 1000),
  -- Below the second at which a carrier's voicemail picks up (about 20 s), which would count as answered.
  ring_seconds           smallint NOT NULL DEFAULT 18
    CONSTRAINT ring_ends_before_voicemail CHECK (ring_seconds BETWEEN 5 AND 20),
  text_cool_down_minutes integer NOT NULL DEFAULT 10
    CONSTRAINT cool_down_is_at_most_a_day CHECK (text_cool_down_minutes BETWEEN 0 AND 1440),
  -- The two switches of an operator: no texts at all, or only those that the poller finds.
  text_back              boolean NOT NULL DEFAULT true,
  fast_path              boolean NOT NULL DEFAULT true,
  created_at             timestamptz NOT NULL DEFAULT switchboard_now(),
  updated_at             timestamptz NOT NULL DEFAULT switchboard_now(),
  CONSTRAINT line_does_not_forward_to_itself CHECK (forward_to <> number)
);

-- A database of the system that we replace has this table already. It stays whole under another name;
-- its rows are adopted below.
DO $$
BEGIN
  IF to_regclass('active_calls') IS NOT NULL THEN
    ALTER TABLE active_calls RENAME TO legacy_active_calls;
    RAISE NOTICE 'kept the old active_calls table as legacy_active_calls';
  END IF;
END $$;

-- Which of two reports of one call is the later one, whatever order they arrive in.
CREATE FUNCTION call_status_rank(status text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE status WHEN 'queued' THEN 1 WHEN 'initiated' THEN 2 WHEN 'ringing' THEN 3
                     WHEN 'in-progress' THEN 4
                     WHEN 'completed' THEN 5 WHEN 'busy' THEN 5 WHEN 'no-answer' THEN 5
                     WHEN 'failed' THEN 5 WHEN 'canceled' THEN 5 ELSE 0 END $$;

CREATE TABLE active_calls (
  call_sid     text CONSTRAINT active_calls_key PRIMARY KEY
                    CONSTRAINT call_sid_is_twilios CHECK (call_sid ~ '^CA[0-9A-Za-z_]{1,62}$'),
  -- NULL when the caller withheld the number or called from something that is not a telephone.
  caller       phone,
  -- Unknown only for the calls of the system that we replace.
  line         phone CONSTRAINT call_is_to_a_line CHECK (line IS NOT NULL OR decided_by IS NOT DISTINCT FROM 'legacy'),
  status       text NOT NULL,
  dial_status  text,
  received_at  timestamptz NOT NULL DEFAULT switchboard_now(),
  ended_at     timestamptz,
  -- Decided once, by whoever knows first.
  outcome      text CONSTRAINT outcome_is_known CHECK (outcome IN ('missed', 'answered', 'not_found', 'handled_before')),
  decided_by   text CONSTRAINT decider_is_known CHECK (decided_by IN ('dial_result', 'call_status', 'poller', 'legacy')),
  processed    boolean NOT NULL DEFAULT false,
  processed_at timestamptz,
  -- When the poller last asked Twilio about it.
  checked_at   timestamptz,
  CONSTRAINT processed_means_decided
    CHECK (processed = (outcome IS NOT NULL) AND processed = (decided_by IS NOT NULL)
           AND processed = (processed_at IS NOT NULL))
);
CREATE INDEX active_calls_unprocessed ON active_calls (checked_at NULLS FIRST, received_at) WHERE NOT processed;
CREATE INDEX active_calls_processed_at ON active_calls (processed_at) WHERE processed;

-- Calls that the old system has handled are adopted, one row per call, so that nobody is texted again for
-- one of them. What it left unprocessed, the poller finds in Twilio's own list.
DO $$
DECLARE adopted bigint; duplicates bigint; left_alone bigint;
BEGIN
  IF to_regclass('legacy_active_calls') IS NULL THEN RETURN; END IF;
  EXECUTE $adopt$
    INSERT INTO active_calls (call_sid, status, received_at, outcome, decided_by, processed, processed_at)
    SELECT DISTINCT ON (call_sid) call_sid, 'completed', coalesce(received_at::timestamp AT TIME ZONE 'UTC', switchboard_now()),
           'handled_before', 'legacy', true, coalesce(processed_at::timestamp AT TIME ZONE 'UTC', switchboard_now())
    FROM legacy_active_calls
    WHERE processed AND call_sid ~ '^CA[0-9A-Za-z_]{1,62}$'
    ORDER BY call_sid, received_at $adopt$;
  GET DIAGNOSTICS adopted = ROW_COUNT;
  EXECUTE 'SELECT count(*) FILTER (WHERE processed) - count(DISTINCT call_sid) FILTER (WHERE processed),
                  count(*) FILTER (WHERE processed IS NOT TRUE) FROM legacy_active_calls' INTO duplicates, left_alone;
  RAISE NOTICE 'adopted % handled calls, resolved % duplicate rows keeping the oldest, left % unprocessed rows to the poller',
    adopted, duplicates, left_alone;
END $$;

-- How far we have read Twilio's own list of calls.
CREATE TABLE provider_watermarks (
  name       text PRIMARY KEY,
  read_until timestamptz NOT NULL
);

-- Signed but not understood: kept for a person, answered 200, nothing else is delayed by it.
CREATE TABLE quarantined_events (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source         text NOT NULL,
  reason         text NOT NULL,
  payload        bytea NOT NULL,
  payload_sha256 bytea NOT NULL GENERATED ALWAYS AS (sha256(payload)) STORED,
  received_at    timestamptz NOT NULL DEFAULT switchboard_now(),
  CONSTRAINT quarantined_once UNIQUE (source, payload_sha256)
);

-- ---------------------------------------------------------------- people who said stop

CREATE TABLE opt_outs (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  phone        phone NOT NULL,
  source       text NOT NULL,
  opted_out_at timestamptz NOT NULL DEFAULT switchboard_now(),
  revoked_at   timestamptz,
  revoked_by   text,
  CONSTRAINT revocation_names_its_source CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE UNIQUE INDEX one_live_opt_out_per_phone ON opt_outs (phone) WHERE revoked_at IS NULL;

-- ---------------------------------------------------------------- the ledger

-- A channel can be closed as a whole: throttled by the provider, or refused for our credentials.
CREATE TABLE channels (
  channel       text PRIMARY KEY,
  not_before    timestamptz,
  -- Open means that our credentials were refused: one probe per five minutes until one is accepted.
  breaker_open  boolean NOT NULL DEFAULT false,
  reason        text
);
INSERT INTO channels (channel) VALUES ('sms');

-- One outward act that we owe someone. Its key is unique for ever; the row is never deleted.
CREATE TABLE jobs (
  id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  kind         text NOT NULL CONSTRAINT job_kind_is_known CHECK (kind IN ('missed_call_text')),
  -- What we owe it for: the CallSid of the missed call.
  cause        text NOT NULL CONSTRAINT job_has_a_cause CHECK (cause <> ''),
  -- NULL when there is nobody to reach; such a job ends as suppressed.
  recipient    phone,
  line         phone NOT NULL,
  -- Which path found it: dial_result is the fast path, poller the fallback.
  origin       text NOT NULL CONSTRAINT job_origin_is_known CHECK (origin IN ('dial_result', 'call_status', 'poller')),
  state        text NOT NULL DEFAULT 'pending' CONSTRAINT job_state_is_known CHECK (state IN
                 ('pending', 'in_flight', 'unknown',
                  'accepted', 'refused', 'suppressed', 'dead', 'needs_human')),
  state_reason text,
  -- When what caused it happened; latencies are measured from here.
  caused_at    timestamptz NOT NULL,
  due_at       timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL,
  lease_token  uuid,
  lease_until  timestamptz,
  -- How often the doorbell was rung for it, and when last.
  rings        integer NOT NULL DEFAULT 1,
  rung_at      timestamptz NOT NULL DEFAULT switchboard_now(),
  created_at   timestamptz NOT NULL DEFAULT switchboard_now(),
  ended_at     timestamptz,
  CONSTRAINT one_job_per_cause UNIQUE (kind, cause),
  CONSTRAINT job_expires_after_it_is_due CHECK (expires_at > due_at),
  CONSTRAINT in_flight_means_leased CHECK ((state = 'in_flight') = (lease_token IS NOT NULL)
                                           AND (lease_token IS NULL) = (lease_until IS NULL)),
  CONSTRAINT every_end_is_dated CHECK ((state IN ('accepted', 'refused', 'suppressed', 'dead', 'needs_human'))
                                       = (ended_at IS NOT NULL)),
  CONSTRAINT every_end_has_a_reason CHECK (state IN ('pending', 'in_flight', 'accepted') OR state_reason IS NOT NULL)
);
CREATE INDEX jobs_due ON jobs (due_at) WHERE state = 'pending';
CREATE INDEX jobs_expiring ON jobs (expires_at) WHERE state = 'pending';
CREATE INDEX jobs_leased ON jobs (lease_until) WHERE state = 'in_flight';

-- The permission for exactly one HTTP request, committed before its first byte leaves.
-- The application inserts job_id and content; everything else about it is copied by the trigger below.
CREATE TABLE attempts (
  id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  job_id             uuid NOT NULL REFERENCES jobs,
  attempt_no         smallint NOT NULL CONSTRAINT three_attempts_at_most CHECK (attempt_no BETWEEN 1 AND 3),
  state              text NOT NULL CONSTRAINT attempt_state_is_known CHECK (state IN
                       ('sending', 'unknown', 'unresolved', 'accepted', 'refused', 'absent')),
  granted_at         timestamptz NOT NULL,
  channel            text NOT NULL REFERENCES channels,
  sender             phone NOT NULL,
  recipient          phone NOT NULL,
  content            text NOT NULL CONSTRAINT attempt_says_something CHECK (btrim(content) <> ''),
  -- The time in which the same line may not text the same person again.
  cool_down          tstzrange NOT NULL,
  provider_id        text,
  http_status        integer,
  provider_code      bigint,
  reason             text,
  settled_at         timestamptz,
  -- Readings of the provider's list in which it was not found.
  reads              smallint NOT NULL DEFAULT 0,
  empty_reads        smallint NOT NULL DEFAULT 0,
  last_empty_read_at timestamptz,
  next_read_at       timestamptz,
  CONSTRAINT attempt_is_numbered_once UNIQUE (job_id, attempt_no),
  CONSTRAINT nobody_texts_themselves CHECK (sender <> recipient),
  CONSTRAINT acceptance_names_what_was_accepted CHECK (state <> 'accepted' OR provider_id IS NOT NULL),
  -- No classifier can turn a timeout or a 5xx into a refusal, which would allow a retry.
  CONSTRAINT only_a_definite_no_is_a_refusal CHECK (state <> 'refused' OR reason = 'not_sent'
    OR coalesce(http_status, 0) IN (400, 401, 403, 404, 405, 413, 415, 422, 429)),
  -- Absence is two complete empty readings, the last of them when no late acceptance can follow any more.
  CONSTRAINT absence_is_proven CHECK (state <> 'absent'
    OR (empty_reads >= 2 AND settled_at >= granted_at + interval '15 minutes'))
);
CREATE UNIQUE INDEX at_most_one_possible_attempt ON attempts (job_id)
  WHERE state IN ('sending', 'unknown', 'unresolved', 'accepted');
CREATE UNIQUE INDEX one_attempt_per_provider_id ON attempts (channel, provider_id) WHERE provider_id IS NOT NULL;
-- While one text from a line to a person is unsettled there is no second, so that the provider's list,
-- which knows only sender and recipient, can settle it.
CREATE UNIQUE INDEX one_unsettled_text_per_pair ON attempts (sender, recipient)
  WHERE channel = 'sms' AND state IN ('sending', 'unknown');
ALTER TABLE attempts ADD CONSTRAINT one_text_per_cool_down
  EXCLUDE USING gist (sender WITH =, recipient WITH =, cool_down WITH &&)
  WHERE (channel = 'sms' AND state IN ('sending', 'unknown', 'unresolved', 'accepted'));
CREATE INDEX attempts_unknown ON attempts (next_read_at) WHERE state = 'unknown';
CREATE INDEX attempts_by_recipient ON attempts (recipient, granted_at);

-- What the provider reported about something it had accepted. Append only; the furthest status counts.
CREATE TABLE deliveries (
  channel     text NOT NULL REFERENCES channels,
  provider_id text NOT NULL CONSTRAINT delivery_names_its_message CHECK (provider_id <> ''),
  status      text NOT NULL,
  error_code  bigint,
  reported_at timestamptz NOT NULL DEFAULT switchboard_now(),
  PRIMARY KEY (channel, provider_id, status)
);

-- Must stay empty. A row means that a provider may have acted twice, or for something we never asked.
CREATE TABLE duplicate_evidence (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  found_at    timestamptz NOT NULL DEFAULT switchboard_now(),
  attempt_id  uuid NOT NULL,
  provider_id text NOT NULL,
  note        text NOT NULL,
  CONSTRAINT evidence_is_noted_once UNIQUE (attempt_id, provider_id, note)
);

-- ---------------------------------------------------------------- what only a trigger can say

CREATE FUNCTION guard_attempt() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE job jobs; door channels; cool_down_minutes integer;
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'attempts are kept for ever' USING ERRCODE = 'P0405', CONSTRAINT = 'ledger_is_kept';
  END IF;

  IF TG_OP = 'UPDATE' THEN
    IF (NEW.id, NEW.job_id, NEW.attempt_no, NEW.granted_at, NEW.channel, NEW.sender, NEW.recipient, NEW.content, NEW.cool_down)
       IS DISTINCT FROM
       (OLD.id, OLD.job_id, OLD.attempt_no, OLD.granted_at, OLD.channel, OLD.sender, OLD.recipient, OLD.content, OLD.cool_down)
    THEN RAISE EXCEPTION 'what an attempt allowed cannot change' USING ERRCODE = 'P0406', CONSTRAINT = 'attempt_identity'; END IF;
    IF OLD.provider_id IS NOT NULL AND NEW.provider_id IS DISTINCT FROM OLD.provider_id
    THEN RAISE EXCEPTION 'what was accepted cannot change' USING ERRCODE = 'P0406', CONSTRAINT = 'attempt_identity'; END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN
       (('sending', 'accepted'), ('sending', 'refused'), ('sending', 'unknown'), ('unknown', 'accepted'), ('unknown', 'absent'),
        -- No evidence within the hour; a late callback can still turn it into an accepted one.
        ('unknown', 'unresolved'), ('unresolved', 'accepted'))
    THEN RAISE EXCEPTION 'an attempt cannot go from % to %', OLD.state, NEW.state
           USING ERRCODE = 'P0407', CONSTRAINT = 'attempt_transition'; END IF;
    IF NEW.state <> OLD.state THEN
      NEW.settled_at := CASE WHEN NEW.state IN ('unknown', 'unresolved') THEN NULL ELSE switchboard_now() END;
    END IF;
    RETURN NEW;
  END IF;

  SELECT * INTO STRICT job FROM jobs WHERE id = NEW.job_id FOR UPDATE;
  NEW.state := 'sending';
  NEW.granted_at := switchboard_now();
  NEW.channel := 'sms';
  NEW.sender := job.line;
  NEW.recipient := job.recipient;
  NEW.provider_id := NULL; NEW.settled_at := NULL; NEW.reads := 0; NEW.empty_reads := 0;
  SELECT coalesce(max(attempt_no), 0) + 1 INTO NEW.attempt_no FROM attempts WHERE job_id = job.id;
  SELECT text_cool_down_minutes INTO cool_down_minutes FROM lines WHERE number = job.line;
  NEW.cool_down := tstzrange(NEW.granted_at,
                             NEW.granted_at + make_interval(mins => coalesce(cool_down_minutes, 10)));

  IF job.state <> 'in_flight' OR job.lease_until <= NEW.granted_at THEN
    RAISE EXCEPTION 'no lease' USING ERRCODE = 'P0401', CONSTRAINT = 'attempt_needs_a_lease';
  END IF;
  IF NEW.granted_at >= job.expires_at THEN
    RAISE EXCEPTION 'expired' USING ERRCODE = 'P0402', CONSTRAINT = 'nothing_after_expiry';
  END IF;
  IF EXISTS (SELECT FROM duplicate_evidence AS evidence JOIN attempts AS earlier ON earlier.id = evidence.attempt_id
             WHERE earlier.job_id = job.id) THEN
    RAISE EXCEPTION 'an earlier attempt arrived after all' USING ERRCODE = 'P0408', CONSTRAINT = 'nothing_after_evidence';
  END IF;
  IF EXISTS (SELECT FROM opt_outs WHERE phone = job.recipient AND revoked_at IS NULL) THEN
    RAISE EXCEPTION 'opted out' USING ERRCODE = 'P0403', CONSTRAINT = 'nobody_after_stop';
  END IF;

  SELECT * INTO STRICT door FROM channels WHERE channel = NEW.channel;
  IF door.not_before > NEW.granted_at THEN
    RAISE EXCEPTION 'channel closed' USING ERRCODE = 'P0410', CONSTRAINT = 'channel_is_open';
  END IF;
  IF door.breaker_open THEN
    -- This one is the probe: the next may follow in five minutes.
    UPDATE channels SET not_before = NEW.granted_at + interval '5 minutes'
      WHERE channel = NEW.channel AND (not_before IS NULL OR not_before <= NEW.granted_at);
    IF NOT FOUND THEN
      RAISE EXCEPTION 'channel closed' USING ERRCODE = 'P0410', CONSTRAINT = 'channel_is_open';
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_attempt BEFORE INSERT OR UPDATE OR DELETE ON attempts
  FOR EACH ROW EXECUTE FUNCTION guard_attempt();

CREATE FUNCTION guard_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'jobs are kept for ever' USING ERRCODE = 'P0405', CONSTRAINT = 'ledger_is_kept';
  END IF;
  IF (NEW.id, NEW.kind, NEW.cause, NEW.recipient, NEW.line, NEW.caused_at, NEW.expires_at)
     IS DISTINCT FROM (OLD.id, OLD.kind, OLD.cause, OLD.recipient, OLD.line, OLD.caused_at, OLD.expires_at)
  THEN RAISE EXCEPTION 'what a job owes cannot change' USING ERRCODE = 'P0406', CONSTRAINT = 'job_identity'; END IF;
  -- Late evidence may still turn a person's case into an accepted one; no other end is left again.
  IF NEW.state <> OLD.state AND OLD.ended_at IS NOT NULL AND (OLD.state, NEW.state) <> ('needs_human', 'accepted')
  THEN RAISE EXCEPTION 'a job cannot go from % to %', OLD.state, NEW.state
         USING ERRCODE = 'P0407', CONSTRAINT = 'job_transition'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_job BEFORE UPDATE OR DELETE ON jobs FOR EACH ROW EXECUTE FUNCTION guard_job();

CREATE FUNCTION refuse_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is kept for ever', TG_TABLE_NAME USING ERRCODE = 'P0405', CONSTRAINT = 'ledger_is_kept';
END $$;
CREATE TRIGGER keep_jobs BEFORE TRUNCATE ON jobs EXECUTE FUNCTION refuse_removal();
CREATE TRIGGER keep_attempts BEFORE TRUNCATE ON attempts EXECUTE FUNCTION refuse_removal();
CREATE TRIGGER keep_opt_outs BEFORE DELETE OR TRUNCATE ON opt_outs EXECUTE FUNCTION refuse_removal();
CREATE TRIGGER keep_evidence BEFORE UPDATE OR DELETE OR TRUNCATE ON duplicate_evidence EXECUTE FUNCTION refuse_removal();
CREATE TRIGGER keep_deliveries BEFORE UPDATE OR DELETE OR TRUNCATE ON deliveries EXECUTE FUNCTION refuse_removal();

-- ---------------------------------------------------------------- what an operator reads

-- Every missed call with what became of it, newest first when ordered by ended_at.
CREATE VIEW missed_calls AS
SELECT call.call_sid, call.caller, call.line, call.received_at, call.ended_at, call.decided_by,
       job.id AS job_id, job.origin, job.state, job.state_reason, job.ended_at AS job_ended_at,
       attempt.provider_id, attempt.attempt_no, attempt.settled_at - call.ended_at AS text_latency,
       (SELECT delivery.status FROM deliveries AS delivery
         WHERE delivery.channel = 'sms' AND delivery.provider_id = attempt.provider_id
         ORDER BY CASE delivery.status WHEN 'accepted' THEN 1 WHEN 'scheduled' THEN 2 WHEN 'queued' THEN 3
                    WHEN 'sending' THEN 4 WHEN 'sent' THEN 5 WHEN 'delivered' THEN 6 WHEN 'undelivered' THEN 6
                    WHEN 'failed' THEN 6 WHEN 'canceled' THEN 6 WHEN 'read' THEN 7 ELSE 0 END DESC,
                  delivery.reported_at
         LIMIT 1) AS delivery
FROM active_calls AS call
LEFT JOIN jobs AS job ON job.kind = 'missed_call_text' AND job.cause = call.call_sid
LEFT JOIN attempts AS attempt ON attempt.job_id = job.id AND attempt.state = 'accepted'
WHERE call.outcome = 'missed';

-- ---------------------------------------------------------------- the application's role

DO $$ BEGIN
  CREATE ROLE switchboard_app NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; -- roles belong to the whole server
END $$;

GRANT SELECT ON ALL TABLES IN SCHEMA public TO switchboard_app;
GRANT INSERT (call_sid, caller, line, status, dial_status, received_at, ended_at, outcome, decided_by, processed, processed_at),
      UPDATE (status, dial_status, ended_at, outcome, decided_by, processed, processed_at, checked_at),
      DELETE ON active_calls TO switchboard_app;
GRANT INSERT, UPDATE ON provider_watermarks TO switchboard_app;
GRANT INSERT (source, reason, payload), DELETE ON quarantined_events TO switchboard_app;
GRANT INSERT (phone, source), UPDATE (revoked_at, revoked_by) ON opt_outs TO switchboard_app;
GRANT UPDATE (not_before, breaker_open, reason) ON channels TO switchboard_app;
GRANT INSERT (kind, cause, recipient, line, origin, caused_at, due_at, expires_at),
      UPDATE (state, state_reason, due_at, lease_token, lease_until, rings, rung_at, ended_at) ON jobs TO switchboard_app;
GRANT INSERT (job_id, content),
      UPDATE (state, provider_id, http_status, provider_code, reason, reads, empty_reads, last_empty_read_at, next_read_at)
      ON attempts TO switchboard_app;
GRANT INSERT (channel, provider_id, status, error_code) ON deliveries TO switchboard_app;
GRANT INSERT (attempt_id, provider_id, note) ON duplicate_evidence TO switchboard_app;
