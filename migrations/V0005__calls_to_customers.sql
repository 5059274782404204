-- Calls to customers, in the ledger of everything else that we owe people.

INSERT INTO channels (channel) VALUES ('call');

-- ---------------------------------------------------------------- jobs

ALTER TABLE jobs
  ALTER COLUMN line DROP NOT NULL,
  ADD COLUMN customer_id text REFERENCES customers,
  -- The day, on the customer's clock, that a daily call is for.
  ADD COLUMN local_day date,
  -- Whether what came of it stands in the customer's own row.
  ADD COLUMN projected boolean NOT NULL DEFAULT false,
  DROP CONSTRAINT job_kind_is_known,
  ADD CONSTRAINT job_kind_is_known CHECK (kind IN ('missed_call_text', 'welcome_call', 'daily_call')),
  DROP CONSTRAINT job_origin_is_known,
  -- The scheduler finds calls; legacy is what the system before us had done.
  ADD CONSTRAINT job_origin_is_known CHECK (origin IN ('dial_result', 'call_status', 'poller', 'scheduler', 'legacy')),
  ADD CONSTRAINT a_text_has_a_line CHECK (kind <> 'missed_call_text' OR line IS NOT NULL),
  ADD CONSTRAINT a_call_has_a_customer CHECK ((kind IN ('welcome_call', 'daily_call')) = (customer_id IS NOT NULL)),
  ADD CONSTRAINT a_daily_call_has_its_day CHECK ((kind = 'daily_call') = (local_day IS NOT NULL));

-- Whether a job that has ended so may be followed by another: what was in its way may have passed, and none of its
-- attempts may have arrived.
CREATE FUNCTION may_be_followed(state text, reason text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT state = 'dead' OR state = 'suppressed' AND coalesce(reason IN
    ('expired', 'not_paid', 'phone_not_validated', 'calling_disabled', 'opted_out', 'timezone_unknown'), false) $$;

-- One that is or may have been made; see is_owed_a_welcome.
CREATE UNIQUE INDEX one_welcome_call_ever ON jobs (customer_id)
  WHERE kind = 'welcome_call' AND NOT may_be_followed(state, state_reason);
CREATE UNIQUE INDEX one_daily_call_per_day ON jobs (customer_id, local_day) WHERE kind = 'daily_call';
-- The old system's name; there it left out the call that was being made.
CREATE UNIQUE INDEX unique_customer_call_active ON jobs (customer_id)
  WHERE customer_id IS NOT NULL AND state IN ('pending', 'in_flight', 'unknown');
CREATE INDEX jobs_unprojected ON jobs (ended_at) WHERE customer_id IS NOT NULL AND state = 'accepted' AND NOT projected;

CREATE OR REPLACE FUNCTION guard_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'jobs are kept for ever' USING ERRCODE = 'P0405', CONSTRAINT = 'ledger_is_kept';
  END IF;
  IF (NEW.id, NEW.kind, NEW.cause, NEW.recipient, NEW.line, NEW.caused_at, NEW.expires_at, NEW.customer_id, NEW.local_day)
     IS DISTINCT FROM
     (OLD.id, OLD.kind, OLD.cause, OLD.recipient, OLD.line, OLD.caused_at, OLD.expires_at, OLD.customer_id, OLD.local_day)
  THEN RAISE EXCEPTION 'what a job owes cannot change' USING ERRCODE = 'P0406', CONSTRAINT = 'job_identity'; END IF;
  -- Late evidence may still turn a person's case into an accepted one; no other end is left again.
  IF NEW.state <> OLD.state AND OLD.ended_at IS NOT NULL AND (OLD.state, NEW.state) <> ('needs_human', 'accepted')
  THEN RAISE EXCEPTION 'a job cannot go from % to %', OLD.state, NEW.state
         USING ERRCODE = 'P0407', CONSTRAINT = 'job_transition'; END IF;
  RETURN NEW;
END $$;

-- ---------------------------------------------------------------- attempts

ALTER TABLE attempts
  -- Vapi knows the number that calls; we know it by Vapi's id alone.
  ALTER COLUMN sender DROP NOT NULL,
  ALTER COLUMN cool_down DROP NOT NULL,
  ADD COLUMN customer_id text REFERENCES customers,
  -- Whether it is one of its job's three: a no to us, or to everybody, is none to this call.
  ADD COLUMN counts boolean NOT NULL DEFAULT true,
  DROP CONSTRAINT three_attempts_at_most,
  -- For a call the guard counts.
  ADD CONSTRAINT three_attempts_at_most CHECK (attempt_no BETWEEN 1 AND 3 OR channel = 'call' AND attempt_no BETWEEN 1 AND 1000),
  -- The zone that decided, and the clock there at the moment of the permit.
  ADD COLUMN timezone text,
  ADD COLUMN local_day date,
  ADD COLUMN local_time time,
  -- The time in which nobody may call again, whatever their clock is set to in between. Ten hours stop no lawful
  -- pair: from 20:45 to 08:00 it is ten and a quarter in the night in which clocks are put forward.
  ADD COLUMN spacing tstzrange,
  ADD CONSTRAINT a_text_names_its_line CHECK (channel <> 'sms' OR (sender IS NOT NULL AND cool_down IS NOT NULL)),
  ADD CONSTRAINT a_call_names_its_day CHECK ((channel = 'call') = (customer_id IS NOT NULL AND timezone IS NOT NULL
    AND local_day IS NOT NULL AND local_time IS NOT NULL AND spacing IS NOT NULL)),
  -- A quarter of an hour before it is too late: a request that we know nothing of may be carried out so much later.
  ADD CONSTRAINT lawful_hours CHECK (channel <> 'call' OR (local_time >= '08:00' AND local_time < '20:45')),
  -- Only a definite no gives a day back. An attempt that never arrived does not: proof is only as good as the list
  -- that it was read from, and a ghost and a second try would be two calls.
  ADD CONSTRAINT ten_hours_between_calls EXCLUDE USING gist (customer_id WITH =, spacing WITH &&)
    WHERE (channel = 'call' AND state <> 'refused'),
  ADD CONSTRAINT ten_hours_between_calls_to_a_phone EXCLUDE USING gist (recipient WITH =, spacing WITH &&)
    WHERE (channel = 'call' AND state <> 'refused');
CREATE UNIQUE INDEX one_call_per_customer_day ON attempts (customer_id, local_day) WHERE channel = 'call' AND state <> 'refused';
CREATE UNIQUE INDEX one_call_per_phone_day ON attempts (recipient, local_day) WHERE channel = 'call' AND state <> 'refused';
-- Calls that go on, as far as we know: no result has come.
CREATE INDEX calls_going_on ON attempts (granted_at)
  WHERE channel = 'call' AND (state IN ('sending', 'unknown') OR (state = 'accepted' AND next_read_at IS NOT NULL));

-- What became of a call that was placed. That somebody was called and that they were reached are two facts.
CREATE TABLE call_results (
  -- Vapi's id of the call.
  provider_id    text CONSTRAINT call_results_key PRIMARY KEY,
  result         text NOT NULL CONSTRAINT call_result_is_known CHECK (result IN
                   ('answered', 'no_answer', 'voicemail', 'busy', 'not_placed', 'failed', 'unclear')),
  -- Vapi's word.
  ended_reason   text,
  started_at     timestamptz,
  ended_at       timestamptz,
  customer_spoke boolean NOT NULL,
  told_by        text NOT NULL CONSTRAINT teller_is_known CHECK (told_by IN ('webhook', 'poll')),
  told_at        timestamptz NOT NULL DEFAULT switchboard_now()
);

-- ---------------------------------------------------------------- who may be called

-- The rule by which somebody may not be called at `at`; NULL if they may. `day` is the one that a daily call is for.
-- What follows from other calls is in the constraints of attempts.
CREATE FUNCTION rule_against_calling(customer customers, at timestamptz, day date) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN (SELECT paused FROM calling) THEN 'calling_is_on'
    WHEN customer.payment_status <> 'Paid' THEN 'only_who_pays_is_called'
    WHEN NOT customer.phone_validated THEN 'phone_is_validated'
    WHEN customer.call_status = 'disabled' THEN 'calling_is_enabled'
    WHEN EXISTS (SELECT FROM opt_outs WHERE phone = customer.phone AND revoked_at IS NULL) THEN 'nobody_after_stop'
    WHEN known_zone(customer.timezone) IS NULL THEN 'clock_is_known'
    WHEN customer.paused_until > at THEN 'nobody_while_paused'
    WHEN (at AT TIME ZONE known_zone(customer.timezone))::date <> day THEN 'daily_call_on_its_day'
  END $$;

-- Whether somebody who has paid since then is still to be welcomed: nobody has tried in a way that may have arrived, and
-- what ended an earlier try has passed or will. A definite no to their number ends it.
CREATE FUNCTION is_owed_a_welcome(customer customers, since timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN coalesce(customer.paid_at < since, true) OR customer.welcome_call_completed THEN false ELSE
    NOT EXISTS (SELECT FROM jobs WHERE kind = 'welcome_call' AND customer_id = customer.id AND NOT may_be_followed(state, state_reason))
    AND NOT EXISTS (SELECT FROM attempts JOIN jobs ON jobs.id = attempts.job_id
                    WHERE attempts.customer_id = customer.id AND attempts.channel = 'call' AND attempts.state <> 'refused'
                      AND jobs.kind = 'welcome_call')
    AND NOT EXISTS (SELECT FROM duplicate_evidence JOIN attempts ON attempts.id = duplicate_evidence.attempt_id
                    JOIN jobs ON jobs.id = attempts.job_id
                    WHERE jobs.customer_id = customer.id AND jobs.kind = 'welcome_call') END $$;

-- When the scheduler has to look at a customer next, if everything is as it stands now.
CREATE FUNCTION plan_of(customer customers) RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN customer.payment_status <> 'Paid' OR NOT customer.phone_validated OR customer.call_status = 'disabled'
      OR known_zone(customer.timezone) IS NULL OR coalesce(customer.paused_until = 'infinity', false) THEN NULL
    WHEN is_owed_a_welcome(customer, calling.welcome_since)
      -- Twenty minutes to look around first.
      THEN next_lawful_time(greatest(switchboard_now(), customer.paid_at + interval '20 minutes', customer.paused_until),
                            customer.timezone)
    ELSE next_local_time(greatest(switchboard_now(), customer.paused_until), customer.call_at, customer.call_days,
                         customer.timezone)
  END FROM calling $$;

-- Whoever writes a customer's row, the plan follows from it.
CREATE FUNCTION plan_calls() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE hour timestamptz;
BEGIN
  IF TG_OP = 'INSERT' OR
     (NEW.payment_status, NEW.paid_at, NEW.phone_validated, NEW.call_status, NEW.timezone, NEW.call_at, NEW.call_days, NEW.paused_until)
     IS DISTINCT FROM
     (OLD.payment_status, OLD.paid_at, OLD.phone_validated, OLD.call_status, OLD.timezone, OLD.call_at, OLD.call_days, OLD.paused_until)
  THEN
    NEW.next_call_scheduled_at := plan_of(NEW);
    -- Whose hour has come and who has not been looked at yet stays due, if that day's hour is not to come still: else
    -- whoever writes to their row meanwhile takes the day's call away.
    IF TG_OP = 'UPDATE' AND NEW.next_call_scheduled_at > switchboard_now()
       AND OLD.next_call_scheduled_at BETWEEN switchboard_now() - interval '4 hours' AND switchboard_now() THEN
      hour := at_local_time((OLD.next_call_scheduled_at AT TIME ZONE NEW.timezone)::date, NEW.call_at, NEW.timezone);
      IF hour BETWEEN switchboard_now() - interval '4 hours' AND switchboard_now()
         AND extract(isodow FROM hour AT TIME ZONE NEW.timezone) = ANY (NEW.call_days)
         AND coalesce(NEW.paused_until <= hour, true)
      THEN NEW.next_call_scheduled_at := hour; END IF;
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER plan_calls BEFORE INSERT OR UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION plan_calls();

-- A stop is a person's and not a number's: it goes along to the number that they have next.
CREATE FUNCTION take_stop_along() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO opt_outs (phone, source)
  SELECT NEW.phone, source FROM opt_outs WHERE phone = OLD.phone AND revoked_at IS NULL
  ON CONFLICT (phone) WHERE revoked_at IS NULL DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER take_stop_along AFTER UPDATE OF phone ON customers FOR EACH ROW
  WHEN (NEW.phone IS DISTINCT FROM OLD.phone AND NEW.phone IS NOT NULL) EXECUTE FUNCTION take_stop_along();

CREATE OR REPLACE FUNCTION guard_attempt() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE job jobs; door channels; customer customers; cool_down_minutes integer; rule text;
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'attempts are kept for ever' USING ERRCODE = 'P0405', CONSTRAINT = 'ledger_is_kept';
  END IF;

  IF TG_OP = 'UPDATE' THEN
    IF (NEW.id, NEW.job_id, NEW.attempt_no, NEW.granted_at, NEW.channel, NEW.sender, NEW.recipient, NEW.content, NEW.cool_down,
        NEW.customer_id, NEW.timezone, NEW.local_day, NEW.local_time, NEW.spacing)
       IS DISTINCT FROM
       (OLD.id, OLD.job_id, OLD.attempt_no, OLD.granted_at, OLD.channel, OLD.sender, OLD.recipient, OLD.content, OLD.cool_down,
        OLD.customer_id, OLD.timezone, OLD.local_day, OLD.local_time, OLD.spacing)
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
      -- A call's result is asked for when it has not come by the time that the longest call is over.
      IF NEW.state = 'accepted' THEN
        NEW.next_read_at := CASE WHEN NEW.channel = 'call'
                                  AND NOT EXISTS (SELECT FROM call_results WHERE provider_id = NEW.provider_id)
                                 THEN greatest(switchboard_now(), NEW.granted_at + interval '15 minutes') END;
      END IF;
    END IF;
    RETURN NEW;
  END IF;

  SELECT * INTO STRICT job FROM jobs WHERE id = NEW.job_id FOR UPDATE;
  NEW.state := 'sending';
  NEW.granted_at := switchboard_now();
  NEW.provider_id := NULL; NEW.settled_at := NULL; NEW.reads := 0; NEW.empty_reads := 0; NEW.counts := true;
  SELECT coalesce(max(attempt_no), 0) + 1 INTO NEW.attempt_no FROM attempts WHERE job_id = job.id;
  IF job.customer_id IS NULL THEN
    NEW.channel := 'sms';
    NEW.sender := job.line;
    NEW.recipient := job.recipient;
    SELECT text_cool_down_minutes INTO cool_down_minutes FROM lines WHERE number = job.line;
    NEW.cool_down := tstzrange(NEW.granted_at,
                               NEW.granted_at + make_interval(mins => coalesce(cool_down_minutes, 10)));
  ELSE
    -- A refund or a new clock comes before this or after it, and never in between.
    SELECT * INTO STRICT customer FROM customers WHERE id = job.customer_id FOR SHARE;
    NEW.channel := 'call';
    NEW.sender := NULL; NEW.cool_down := NULL;
    NEW.recipient := customer.phone;
    NEW.customer_id := customer.id;
    NEW.timezone := customer.timezone;
    -- NULL where this server has forgotten the place: the rules below say no.
    NEW.local_day := (NEW.granted_at AT TIME ZONE known_zone(customer.timezone))::date;
    NEW.local_time := (NEW.granted_at AT TIME ZONE known_zone(customer.timezone))::time;
    NEW.spacing := tstzrange(NEW.granted_at, NEW.granted_at + interval '10 hours');
  END IF;

  IF job.state <> 'in_flight' OR job.lease_until <= NEW.granted_at THEN
    RAISE EXCEPTION 'no lease' USING ERRCODE = 'P0401', CONSTRAINT = 'attempt_needs_a_lease';
  END IF;
  IF NEW.attempt_no > 3 AND (SELECT count(*) FROM attempts WHERE job_id = job.id AND counts) >= 3 THEN
    RAISE EXCEPTION 'three attempts' USING ERRCODE = 'P0413', CONSTRAINT = 'three_attempts_at_most';
  END IF;
  IF NEW.granted_at >= job.expires_at THEN
    RAISE EXCEPTION 'expired' USING ERRCODE = 'P0402', CONSTRAINT = 'nothing_after_expiry';
  END IF;
  IF EXISTS (SELECT FROM duplicate_evidence AS evidence JOIN attempts AS earlier ON earlier.id = evidence.attempt_id
             WHERE earlier.job_id = job.id) THEN
    RAISE EXCEPTION 'an earlier attempt arrived after all' USING ERRCODE = 'P0408', CONSTRAINT = 'nothing_after_evidence';
  END IF;
  IF NEW.channel = 'call' THEN
    -- Calls at a time are counted one after the other. Who waited here looks at the rules only now: a stop or a pause
    -- may have come meanwhile.
    SELECT * INTO STRICT door FROM channels WHERE channel = NEW.channel FOR UPDATE;
    rule := rule_against_calling(customer, NEW.granted_at, job.local_day);
    IF rule IS NOT NULL THEN
      RAISE EXCEPTION 'not to be called' USING ERRCODE = 'P0409', CONSTRAINT = rule;
    END IF;
    IF job.kind = 'welcome_call' AND EXISTS (
         SELECT FROM attempts AS earlier JOIN jobs AS other ON other.id = earlier.job_id
         WHERE earlier.customer_id = NEW.customer_id AND earlier.channel = 'call' AND earlier.state <> 'refused'
           AND other.kind = 'welcome_call' AND other.id <> job.id) THEN
      RAISE EXCEPTION 'welcomed' USING ERRCODE = 'P0408', CONSTRAINT = 'one_welcome_call_ever';
    END IF;
    -- A no that was none: the telephone rang.
    IF EXISTS (SELECT FROM duplicate_evidence AS evidence JOIN attempts AS earlier ON earlier.id = evidence.attempt_id
               WHERE (earlier.customer_id = NEW.customer_id OR earlier.recipient = NEW.recipient) AND earlier.channel = 'call'
                 AND (earlier.spacing @> NEW.granted_at OR (earlier.granted_at AT TIME ZONE NEW.timezone)::date = NEW.local_day)) THEN
      RAISE EXCEPTION 'called today' USING ERRCODE = 'P0412', CONSTRAINT = 'one_call_per_customer_day';
    END IF;
    -- A day is what a clock shows: the customer's of now, and for a telephone also the one by which it was called
    -- before. The indexes of local_day compare what two clocks called two days.
    IF EXISTS (SELECT FROM attempts AS earlier
               WHERE earlier.customer_id = NEW.customer_id AND earlier.channel = 'call' AND earlier.state <> 'refused'
                 AND earlier.local_day BETWEEN NEW.local_day - 2 AND NEW.local_day + 2
                 AND (earlier.granted_at AT TIME ZONE NEW.timezone)::date = NEW.local_day) THEN
      RAISE EXCEPTION 'called today' USING ERRCODE = 'P0412', CONSTRAINT = 'one_call_per_customer_day';
    END IF;
    IF EXISTS (SELECT FROM attempts AS earlier
               WHERE earlier.recipient = NEW.recipient AND earlier.channel = 'call' AND earlier.state <> 'refused'
                 AND earlier.local_day BETWEEN NEW.local_day - 2 AND NEW.local_day + 2
                 AND ((earlier.granted_at AT TIME ZONE NEW.timezone)::date = NEW.local_day
                      OR (NEW.granted_at AT TIME ZONE known_zone(earlier.timezone))::date = earlier.local_day)) THEN
      RAISE EXCEPTION 'called today' USING ERRCODE = 'P0412', CONSTRAINT = 'one_call_per_phone_day';
    END IF;
    IF (SELECT at_a_time FROM calling) <=
       (SELECT count(*) FROM attempts
        WHERE channel = 'call' AND (state IN ('sending', 'unknown') OR (state = 'accepted' AND next_read_at IS NOT NULL))
          -- What was said in a call that is over may still have to be asked for.
          AND NOT EXISTS (SELECT FROM call_results WHERE call_results.provider_id = attempts.provider_id)
          -- Longer than the longest call: it is over, and only nobody has said so.
          AND granted_at > NEW.granted_at - interval '15 minutes') THEN
      RAISE EXCEPTION 'as many calls go on as may' USING ERRCODE = 'P0411', CONSTRAINT = 'calls_at_a_time';
    END IF;
  ELSE
    IF EXISTS (SELECT FROM opt_outs WHERE phone = job.recipient AND revoked_at IS NULL) THEN
      RAISE EXCEPTION 'opted out' USING ERRCODE = 'P0403', CONSTRAINT = 'nobody_after_stop';
    END IF;
    SELECT * INTO STRICT door FROM channels WHERE channel = NEW.channel;
  END IF;

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
REVOKE EXECUTE ON FUNCTION plan_calls(), take_stop_along() FROM PUBLIC;

-- A switch waits for the permits that are being given, and the next permit for the switch: from its commit on it holds.
CREATE FUNCTION wait_for_permits() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM FROM channels WHERE channel = 'call' FOR UPDATE;
  RETURN NULL;
END $$;
CREATE TRIGGER wait_for_permits BEFORE UPDATE ON calling FOR EACH STATEMENT EXECUTE FUNCTION wait_for_permits();
REVOKE EXECUTE ON FUNCTION wait_for_permits() FROM PUBLIC;

-- ---------------------------------------------------------------- the customers of the system that we replace

-- Whom the adoption left out, or switched off, and why.
CREATE TABLE customers_left_out (
  id  text NOT NULL,
  why text NOT NULL
);

-- Each with a payment of its own in the ledger, so that later events are weighed against it. A zone that is no place
-- stays in timezone_given until somebody says which place it is; a phone that is no number is none. Who pays and had no
-- next call was called by nobody, and is not before somebody says so; who had one keeps its hour.
DO $$
DECLARE old record; customer jsonb; zone text; plan timestamptz; paid boolean;
        adopted bigint := 0; without_zone bigint := 0; without_phone bigint := 0; left_out bigint; switched_off bigint;
BEGIN
  IF to_regclass('legacy_customers') IS NULL THEN RETURN; END IF;
  -- What was written without a zone was written in UTC.
  PERFORM set_config('TimeZone', 'UTC', true);
  FOR old IN EXECUTE 'SELECT to_jsonb(legacy) AS customer FROM legacy_customers AS legacy' LOOP
    customer := old.customer;
    IF coalesce(customer ->> 'id', '') !~ '^[A-Za-z0-9_.:-]{1,40}$' THEN
      INSERT INTO customers_left_out VALUES (coalesce(customer ->> 'id', ''), 'was left out: no id of up to 40 letters, digits and _.:-');
      CONTINUE;
    END IF;
    zone := known_zone(customer ->> 'timezone');
    plan := (customer ->> 'next_call_scheduled_at')::timestamptz;
    paid := coalesce(lower(customer ->> 'payment_status') = 'paid', false);
    IF paid AND plan IS NULL THEN
      INSERT INTO customers_left_out VALUES (customer ->> 'id', 'is switched off: the old system had planned no call (ops resume)');
    END IF;
    INSERT INTO customers (id, name, phone, phone_validated, timezone, timezone_given, call_at, call_status, welcome_call_completed, last_call_date, created_at)
    SELECT customer ->> 'id', left(customer ->> 'name', 200), phone, phone IS NOT NULL AND coalesce((customer ->> 'phone_validated')::boolean, false),
           zone, customer ->> 'timezone',
           CASE WHEN zone IS NOT NULL AND isfinite(plan)
                THEN least(greatest((plan AT TIME ZONE zone)::time, '08:00'), '20:30') ELSE '10:00' END,
           CASE WHEN lower(customer ->> 'call_status') <> 'enabled' OR paid AND plan IS NULL THEN 'disabled' ELSE 'enabled' END,
           coalesce((customer ->> 'welcome_call_completed')::boolean, false), (customer ->> 'last_call_date')::timestamp::date,
           coalesce((customer ->> 'created_at')::timestamptz, switchboard_now())
    FROM (SELECT CASE WHEN customer ->> 'phone' ~ '^\+[1-9][0-9]{6,14}$' THEN customer ->> 'phone' END AS phone) AS number;
    adopted := adopted + 1;
    without_zone := without_zone + (zone IS NULL)::int;
    without_phone := without_phone + (coalesce(customer ->> 'phone', '') !~ '^\+[1-9][0-9]{6,14}$')::int;
    -- Whoever had their welcome call has had it for ever.
    IF (customer ->> 'welcome_call_completed')::boolean THEN
      INSERT INTO jobs (kind, cause, customer_id, origin, state, state_reason, caused_at, due_at, expires_at, ended_at)
      VALUES ('welcome_call', customer ->> 'id', customer ->> 'id', 'legacy', 'suppressed', 'handled_before',
              switchboard_now(), switchboard_now(), switchboard_now() + interval '1 second', switchboard_now());
    END IF;
    IF paid THEN
      INSERT INTO payment_events (source, id, kind, created_at, effect, object_ids, customer_id)
      VALUES ('legacy', customer ->> 'id', 'Paid', coalesce((customer ->> 'created_at')::timestamptz, switchboard_now()), 'paid',
              ARRAY[customer ->> 'id'], customer ->> 'id');
    END IF;
  END LOOP;
  RAISE NOTICE 'adopted % customers, % of them without a time zone that we know and % without a telephone number',
    adopted, without_zone, without_phone;
  SELECT count(*) FILTER (WHERE why LIKE 'was left out%'), count(*) FILTER (WHERE why LIKE 'is switched off%')
    INTO left_out, switched_off FROM customers_left_out;
  IF left_out + switched_off > 0 THEN
    RAISE NOTICE 'left out % customers, and switched off % whom nobody had planned to call: ops repair names them', left_out, switched_off;
  END IF;
  IF to_regclass('legacy_call_queue') IS NOT NULL THEN
    RAISE NOTICE 'left the old call queue as it is: whoever is due is called once, however often they stand in it';
  END IF;
END $$;

-- ---------------------------------------------------------------- how it was before

-- How customers, and the switches of all calling, stood until they were changed, whoever changed them: so that a day
-- can be explained after it has passed. Append only.
CREATE TABLE changes (
  id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT changes_key PRIMARY KEY,
  changed_at  timestamptz NOT NULL DEFAULT switchboard_now(),
  changed_by  text NOT NULL DEFAULT session_user,
  -- NULL for the switches of all calling.
  customer_id text REFERENCES customers,
  was         jsonb NOT NULL
);
CREATE INDEX changes_in_order ON changes (customer_id, changed_at);

CREATE FUNCTION keep_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_TABLE_NAME = 'calling' THEN
    INSERT INTO changes (was) VALUES (to_jsonb(OLD));
  ELSE
    INSERT INTO changes (customer_id, was) VALUES (OLD.id, to_jsonb(OLD) - 'name');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER keep_change AFTER UPDATE ON calling FOR EACH ROW
  WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION keep_change();
-- After the adoption: what that does to a row is no change.
CREATE TRIGGER keep_change AFTER UPDATE ON customers FOR EACH ROW
  WHEN ((OLD.phone, OLD.phone_validated, OLD.timezone, OLD.timezone_given, OLD.call_at, OLD.call_days, OLD.payment_status,
         OLD.call_status, OLD.paused_until)
        IS DISTINCT FROM
        (NEW.phone, NEW.phone_validated, NEW.timezone, NEW.timezone_given, NEW.call_at, NEW.call_days, NEW.payment_status,
         NEW.call_status, NEW.paused_until))
  EXECUTE FUNCTION keep_change();
CREATE TRIGGER keep_changes BEFORE UPDATE OR DELETE OR TRUNCATE ON changes EXECUTE FUNCTION refuse_removal();
REVOKE EXECUTE ON FUNCTION keep_change() FROM PUBLIC;

-- What a person has decided where no machine can: about a job that is in needs_human, or about an attempt that there is
-- evidence against. Append only.
CREATE TABLE decisions (
  subject    uuid NOT NULL,
  decided_at timestamptz NOT NULL DEFAULT switchboard_now(),
  decided_by text NOT NULL DEFAULT session_user,
  words      text NOT NULL CONSTRAINT a_decision_has_words CHECK (words <> '')
);
CREATE INDEX decisions_by_subject ON decisions (subject);
CREATE TRIGGER keep_decisions BEFORE UPDATE OR DELETE OR TRUNCATE ON decisions EXECUTE FUNCTION refuse_removal();

-- What waits for one.
CREATE VIEW undecided AS
SELECT jobs.id AS subject, 'job' AS kind, customer_id, ended_at AS since, state_reason AS what
FROM jobs
WHERE customer_id IS NOT NULL AND state = 'needs_human' AND NOT EXISTS (SELECT FROM decisions WHERE subject = jobs.id)
UNION ALL
SELECT evidence.attempt_id, 'evidence', attempts.customer_id, evidence.found_at, evidence.note || ' (' || evidence.provider_id || ')'
FROM duplicate_evidence AS evidence LEFT JOIN attempts ON attempts.id = evidence.attempt_id
WHERE NOT EXISTS (SELECT FROM decisions WHERE subject = evidence.attempt_id AND decided_at >= evidence.found_at);

-- When a function that a schedule runs has last come to the end of a run: whether its schedule ticks.
CREATE TABLE ticks (
  function  text CONSTRAINT ticks_key PRIMARY KEY,
  ticked_at timestamptz NOT NULL
);

-- ---------------------------------------------------------------- what an operator reads

-- Every call that was placed, with what became of it.
CREATE VIEW placed_calls AS
SELECT attempt.customer_id, attempt.local_day, attempt.local_time, attempt.timezone, job.kind, attempt.granted_at,
       attempt.provider_id, coalesce(result.result, 'pending') AS result, result.ended_reason, result.started_at, result.ended_at,
       job.id AS job_id
FROM attempts AS attempt
JOIN jobs AS job ON job.id = attempt.job_id
LEFT JOIN call_results AS result ON result.provider_id = attempt.provider_id
WHERE attempt.channel = 'call' AND attempt.state = 'accepted';

-- What the old runbook's queries read.
CREATE VIEW call_queue AS
SELECT id, customer_id, CASE kind WHEN 'welcome_call' THEN 'welcome' ELSE 'daily' END AS call_type,
       CASE WHEN state = 'pending' AND EXISTS (SELECT FROM attempts WHERE attempts.job_id = jobs.id) THEN 'retrying'
            WHEN state = 'pending' THEN 'pending'
            WHEN state IN ('in_flight', 'unknown') THEN 'calling'
            -- What had been done already is done.
            WHEN state = 'accepted' OR state_reason IN ('welcome_completed', 'called_today', 'handled_before') THEN 'completed'
            ELSE 'failed' END AS status,
       state_reason, created_at, ended_at
FROM jobs
WHERE customer_id IS NOT NULL;

-- ---------------------------------------------------------------- the application's role

GRANT SELECT ON call_results, placed_calls, call_queue TO switchboard_app;
GRANT INSERT (provider_id, result, ended_reason, started_at, ended_at, customer_spoke, told_by),
      UPDATE (result, ended_reason, started_at, ended_at, customer_spoke, told_by) ON call_results TO switchboard_app;
GRANT INSERT (customer_id, local_day), UPDATE (projected) ON jobs TO switchboard_app;
GRANT UPDATE (counts) ON attempts TO switchboard_app;
GRANT SELECT, INSERT, UPDATE ON ticks TO switchboard_app;
