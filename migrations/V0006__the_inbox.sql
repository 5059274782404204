-- The inbox: people, what they wrote and what was answered, and who answers next: a machine or a person.

-- ---------------------------------------------------------------- people

-- Who works at the inbox.
CREATE TABLE users (
  id         bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT users_key PRIMARY KEY,
  name       text NOT NULL CONSTRAINT user_has_a_name CHECK (btrim(name) <> ''),
  email      text CONSTRAINT user_email_is_one CHECK (email ~ '^[^@[:space:]]+@[^@[:space:]]+$'),
  role       text NOT NULL DEFAULT 'agent' CONSTRAINT user_role_is_known CHECK (role IN ('agent', 'admin')),
  active     boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT switchboard_now()
);
CREATE UNIQUE INDEX one_user_per_email ON users (lower(email));

-- Whoever writes to the business. WhatsApp lets people hide their number, so a person is known by it or by the id
-- that WhatsApp gives them for this business; what is neither is kept as it was sent, for somebody to put right.
-- Somebody who turns out to have several names has a row for each that did not fit into the first.
CREATE TABLE contacts (
  id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT contacts_key PRIMARY KEY,
  name        text,
  phone       phone CONSTRAINT one_contact_per_phone UNIQUE,
  -- The digits under which WhatsApp knows the phone, where a country has two forms of one number.
  wa_id       text CONSTRAINT wa_id_is_digits CHECK (wa_id ~ '^[0-9]{7,15}$'),
  wa_user_id  text CONSTRAINT one_contact_per_wa_user_id UNIQUE,
  phone_given text CONSTRAINT one_contact_per_phone_given UNIQUE,
  -- The row of the same person in whose thread they go on; NULL for that row itself.
  same_as     bigint REFERENCES contacts,
  -- When they last took a stop back in words, and when they last switched marketing on again at WhatsApp: by WhatsApp's
  -- clock, so that a stop which was said before and is told after it is known for what it is.
  said_start_at timestamptz,
  resumed_at  timestamptz,
  created_at  timestamptz NOT NULL DEFAULT switchboard_now(),
  updated_at  timestamptz NOT NULL DEFAULT switchboard_now(),
  CONSTRAINT contact_is_somebody CHECK (num_nonnulls(phone, wa_user_id, phone_given) > 0),
  CONSTRAINT contact_is_the_same_as_another CHECK (same_as <> id)
);
CREATE INDEX contacts_of_a_person ON contacts (coalesce(same_as, id));

-- Somebody who may become a customer: one case at a time.
CREATE TABLE leads (
  id         bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT leads_key PRIMARY KEY,
  contact_id bigint NOT NULL REFERENCES contacts,
  status     text NOT NULL DEFAULT 'open' CONSTRAINT lead_status_is_known CHECK (status IN ('open', 'won', 'lost')),
  channel    text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT switchboard_now(),
  closed_at  timestamptz,
  CONSTRAINT a_closed_lead_is_dated CHECK ((status = 'open') = (closed_at IS NULL))
);
CREATE UNIQUE INDEX one_open_lead_per_contact ON leads (contact_id) WHERE status = 'open';

CREATE TABLE conversations (
  id               bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT conversations_key PRIMARY KEY,
  contact_id       bigint NOT NULL REFERENCES contacts,
  channel          text NOT NULL CONSTRAINT conversation_channel_is_known
                        CHECK (channel IN ('WHATSAPP', 'SMS', 'EMAIL', 'INSTAGRAM', 'FACEBOOK', 'WEBCHAT')),
  -- The group in which the contact wrote; NULL for the conversation with them alone.
  group_id         text,
  lead_id          bigint REFERENCES leads,
  -- While either is set, no machine answers.
  assigned_user_id bigint REFERENCES users,
  handed_over_at   timestamptz,
  -- When a person of the business last wrote, here or on their own telephone.
  human_wrote_at   timestamptz,
  last_inbound_at  timestamptz,
  last_outbound_at timestamptz,
  last_message_at  timestamptz,
  deleted_at       timestamptz,
  created_at       timestamptz NOT NULL DEFAULT switchboard_now(),
  CONSTRAINT one_conversation_per_contact_and_channel UNIQUE NULLS NOT DISTINCT (contact_id, channel, group_id)
);
CREATE INDEX conversations_in_the_inbox ON conversations (last_message_at DESC) WHERE deleted_at IS NULL;
CREATE INDEX conversations_deleted_at ON conversations (deleted_at);

-- Which of two reports of one message is the later one, whatever order they arrive in. What was read has arrived,
-- so that no later "failed" means it.
CREATE FUNCTION message_status_rank(status text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE status WHEN 'RECEIVED' THEN 0 WHEN 'SENT' THEN 1 WHEN 'FAILED' THEN 2 WHEN 'DELIVERED' THEN 3
                     WHEN 'READ' THEN 4 END $$;

-- Meta's word for how far a message has come, in ours; NULL for a word that says nothing of that.
CREATE FUNCTION message_status_of(told text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN told = 'played' THEN 'READ' WHEN told IN ('sent', 'delivered', 'read', 'failed') THEN upper(told) END $$;

-- One after the other, who names the same people or messages. A name stands for one of 256 locks, so that however much
-- comes at once, it holds no more; they are taken in one order, so that no two wait for each other.
CREATE FUNCTION take_turns(names text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(6, number)
    FROM (SELECT DISTINCT hashtext(name) & 255 AS number FROM unnest(names) AS name WHERE name IS NOT NULL ORDER BY number) AS numbers;
END $$;

CREATE TABLE messages (
  id                  bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT messages_key PRIMARY KEY,
  conversation_id     bigint NOT NULL REFERENCES conversations,
  contact_id          bigint NOT NULL REFERENCES contacts,
  lead_id             bigint REFERENCES leads,
  direction           text NOT NULL CONSTRAINT direction_is_known CHECK (direction IN ('INBOUND', 'OUTBOUND')),
  author              text NOT NULL CONSTRAINT author_is_known CHECK (author IN ('customer', 'machine', 'human')),
  channel             text NOT NULL,
  -- Who wrote it, as WhatsApp named them: an answer goes there, whatever becomes of the contact.
  sender_phone        phone,
  sender_wa_id        text,
  sender_user_id      text,
  -- In the provider's words.
  type                text NOT NULL,
  -- What a person would read of it; NULL for what has no words, and for what its author took back.
  body                text,
  media               jsonb,
  -- As it came, where we do not know its type.
  raw                 jsonb,
  reply_to            text,
  provider_message_id text NOT NULL CONSTRAINT message_has_an_id CHECK (provider_message_id <> ''),
  attempt_id          uuid CONSTRAINT one_message_per_attempt UNIQUE REFERENCES attempts,
  status              text NOT NULL CONSTRAINT message_status_is_known CHECK (message_status_rank(status) IS NOT NULL),
  error               text,
  -- Why nobody has to answer it; what has none has a job, which says what became of it.
  left_because        text CONSTRAINT only_what_came_is_left CHECK (left_because IS NULL OR direction = 'INBOUND'),
  -- By the provider's clock.
  sent_at             timestamptz NOT NULL,
  edited_at           timestamptz,
  revoked_at          timestamptz,
  created_at          timestamptz NOT NULL DEFAULT switchboard_now(),
  CONSTRAINT one_message_per_provider_id UNIQUE (channel, provider_message_id),
  -- What answers a message names its conversation too.
  CONSTRAINT a_message_is_of_one_conversation UNIQUE (conversation_id, id),
  CONSTRAINT customers_write_to_us CHECK ((direction = 'INBOUND') = (author = 'customer')),
  CONSTRAINT what_came_was_received CHECK ((direction = 'INBOUND') = (status = 'RECEIVED')),
  CONSTRAINT a_machine_writes_by_permission CHECK (author <> 'machine' OR attempt_id IS NOT NULL),
  CONSTRAINT only_what_came_has_a_sender CHECK (direction = 'INBOUND' OR num_nonnulls(sender_phone, sender_wa_id, sender_user_id) = 0)
);
CREATE INDEX messages_in_order ON messages (conversation_id, sent_at, id);

CREATE FUNCTION guard_message() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.id, NEW.conversation_id, NEW.direction, NEW.author, NEW.channel, NEW.provider_message_id, NEW.attempt_id, NEW.sent_at,
      NEW.sender_phone, NEW.sender_wa_id, NEW.sender_user_id)
     IS DISTINCT FROM
     (OLD.id, OLD.conversation_id, OLD.direction, OLD.author, OLD.channel, OLD.provider_message_id, OLD.attempt_id, OLD.sent_at,
      OLD.sender_phone, OLD.sender_wa_id, OLD.sender_user_id)
  THEN RAISE EXCEPTION 'whose message it is cannot change' USING ERRCODE = 'P0406', CONSTRAINT = 'message_identity'; END IF;
  IF message_status_rank(NEW.status) < message_status_rank(OLD.status) THEN NEW.status := OLD.status; NEW.error := OLD.error; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_message BEFORE UPDATE ON messages FOR EACH ROW EXECUTE FUNCTION guard_message();

-- A report may be told before the message that it is about stands here. Whoever writes the message waits for whoever is
-- storing a report of it, as that waits for them, and takes over how far the message has come.
CREATE FUNCTION heed_reports() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE report deliveries;
BEGIN
  PERFORM take_turns(ARRAY[NEW.provider_message_id]);
  -- Before the conversation, as everybody locks them.
  PERFORM FROM contacts WHERE id = NEW.contact_id FOR KEY SHARE;
  SELECT * INTO report FROM deliveries
    WHERE channel = lower(NEW.channel) AND provider_id = NEW.provider_message_id AND message_status_of(status) IS NOT NULL
    ORDER BY message_status_rank(message_status_of(status)) DESC LIMIT 1;
  IF message_status_rank(message_status_of(report.status)) > message_status_rank(NEW.status) THEN
    NEW.status := message_status_of(report.status);
    IF NEW.status = 'FAILED' THEN NEW.error := coalesce(NEW.error, 'error ' || report.error_code); END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER heed_reports BEFORE INSERT ON messages FOR EACH ROW
  WHEN (NEW.direction = 'OUTBOUND') EXECUTE FUNCTION heed_reports();
CREATE TRIGGER keep_messages BEFORE DELETE OR TRUNCATE ON messages EXECUTE FUNCTION refuse_removal();

-- What its author made of a message that has not been told yet: it waits for it.
CREATE TABLE held_changes (
  provider_message_id text CONSTRAINT one_held_change_per_message PRIMARY KEY,
  body                text,
  edited_at           timestamptz,
  revoked_at          timestamptz,
  told_at             timestamptz NOT NULL DEFAULT switchboard_now(),
  CONSTRAINT a_change_is_one CHECK (num_nonnulls(edited_at, revoked_at) > 0 AND (body IS NULL) = (edited_at IS NULL))
);

-- ---------------------------------------------------------------- what is left to a person

-- NULL is for everybody at the inbox.
CREATE TABLE notifications (
  id              bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT notifications_key PRIMARY KEY,
  user_id         bigint REFERENCES users,
  conversation_id bigint REFERENCES conversations,
  kind            text NOT NULL,
  body            text NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT switchboard_now(),
  read_at         timestamptz,
  snoozed_until   timestamptz
);
CREATE INDEX notifications_unread ON notifications (user_id, created_at) WHERE read_at IS NULL;
CREATE INDEX notifications_snoozed_until ON notifications (snoozed_until);

CREATE TABLE tasks (
  id              bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT tasks_key PRIMARY KEY,
  kind            text NOT NULL,
  conversation_id bigint NOT NULL REFERENCES conversations,
  job_id          uuid REFERENCES jobs,
  title           text NOT NULL,
  -- What the person needs to do it: a draft that may or may not have arrived, the number that is none.
  detail          text,
  assigned_to     bigint REFERENCES users,
  created_at      timestamptz NOT NULL DEFAULT switchboard_now(),
  done_at         timestamptz
);
-- Somebody who writes ten times while nobody looks is one task. Of an answer that may have arrived each is one, with its
-- own words.
CREATE UNIQUE INDEX one_open_task_of_a_kind ON tasks (conversation_id, kind) WHERE done_at IS NULL AND kind <> 'unclear';
CREATE UNIQUE INDEX one_task_per_unclear_answer ON tasks (job_id) WHERE kind = 'unclear';

-- ---------------------------------------------------------------- the operator's switches

-- One row.
CREATE TABLE replying (
  only_row       boolean PRIMARY KEY DEFAULT true CONSTRAINT there_is_one_way_of_replying CHECK (only_row),
  -- No machine answers until somebody says so: another system may still be doing it.
  paused         boolean NOT NULL DEFAULT true,
  -- How a conversation that a machine cannot go on with is given to a person; NULL leaves it to whoever looks first.
  hand_over_to   bigint REFERENCES users,
  -- Who writes three lines in a row gets one answer.
  settles_after  interval NOT NULL DEFAULT '4 seconds'
    CONSTRAINT an_answer_does_not_wait_long CHECK (settles_after BETWEEN '0' AND '1 minute'),
  -- A machine's answer that comes later than this is of no use. Meta's window closes after 24 hours.
  answer_within  interval NOT NULL DEFAULT '1 hour'
    CONSTRAINT an_answer_stays_in_the_window CHECK (answer_within BETWEEN '1 minute' AND '23 hours'),
  -- How long a machine stays quiet after a person of the business wrote.
  quiet_after_human interval NOT NULL DEFAULT '4 hours' CONSTRAINT quiet_is_not_negative CHECK (quiet_after_human >= '0'),
  -- Put before the first answer that somebody gets; {business} stands for its name.
  greeting       text CONSTRAINT greeting_is_short CHECK (length(greeting) <= 200),
  -- What the model may know and say of the business.
  knowledge      text NOT NULL DEFAULT '',
  -- Links to these hosts may be sent, and to no others.
  own_hosts      text[] NOT NULL DEFAULT '{}',
  -- What is never promised, in lower case.
  never_promise  text[] NOT NULL DEFAULT '{}'
);
INSERT INTO replying DEFAULT VALUES;

-- ---------------------------------------------------------------- who said stop

-- Somebody who hides their number can say stop too. A stop stands from when it was said, which is not when it was told.
ALTER TABLE opt_outs
  ALTER COLUMN phone DROP NOT NULL,
  ADD COLUMN wa_user_id text,
  -- The last time that they said it while it stood, and how.
  ADD COLUMN said_again_at timestamptz,
  ADD COLUMN said_again_by text,
  ADD CONSTRAINT said_again_names_its_source CHECK ((said_again_at IS NULL) = (said_again_by IS NULL)),
  ADD CONSTRAINT somebody_opted_out CHECK (num_nonnulls(phone, wa_user_id) = 1);
CREATE UNIQUE INDEX one_live_opt_out_per_wa_user_id ON opt_outs (wa_user_id) WHERE revoked_at IS NULL;

-- A stop that is said again counts from then on: what takes back the first one alone leaves it standing. A switch at
-- WhatsApp is the weaker word, and never takes the place of a stronger one.
CREATE FUNCTION hear_stop_again() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE opt_outs
    SET said_again_at = greatest(opted_out_at, said_again_at, NEW.opted_out_at),
        said_again_by = CASE WHEN NEW.source = 'whatsapp_preference' THEN coalesce(said_again_by, NEW.source) ELSE NEW.source END
    WHERE revoked_at IS NULL AND (phone = NEW.phone OR wa_user_id = NEW.wa_user_id)
      AND (NEW.opted_out_at > greatest(opted_out_at, said_again_at)
           OR NEW.source <> 'whatsapp_preference' AND source = 'whatsapp_preference' AND coalesce(said_again_by, source) = source);
  RETURN NEW;
END $$;
CREATE TRIGGER hear_stop_again BEFORE INSERT ON opt_outs FOR EACH ROW EXECUTE FUNCTION hear_stop_again();

-- Every name under which a person can say stop: the spellings of their numbers, with a +, and their ids.
CREATE FUNCTION names_of(contact contacts) RETURNS text[] LANGUAGE sql STABLE AS $$
  SELECT coalesce(array_agg(DISTINCT called), '{}')
  FROM contacts AS form, unnest(ARRAY[form.phone::text, '+' || form.wa_id, form.wa_user_id]) AS called
  WHERE coalesce(form.same_as, form.id) = coalesce(contact.same_as, contact.id) AND called IS NOT NULL $$;

CREATE FUNCTION has_opted_out(contact contacts) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM opt_outs WHERE revoked_at IS NULL AND (phone = ANY (names) OR wa_user_id = ANY (names)))
  FROM names_of(contact) AS names $$;

-- Whoever said stop under one of these names has said it under all: texts and calls know only numbers.
CREATE FUNCTION spread_stops(names text[]) RETURNS void LANGUAGE sql AS $$
  WITH said AS (
    SELECT coalesce(min(source) FILTER (WHERE source <> 'whatsapp_preference'),
                    min(said_again_by) FILTER (WHERE said_again_by <> 'whatsapp_preference'), 'whatsapp_preference') AS source,
           max(greatest(opted_out_at, said_again_at)) AS said_at
    FROM opt_outs WHERE revoked_at IS NULL AND (phone = ANY (names) OR wa_user_id = ANY (names))
    HAVING count(*) > 0
  )
  INSERT INTO opt_outs (phone, wa_user_id, source, opted_out_at)
    SELECT DISTINCT CASE WHEN name LIKE '+%' THEN name END, CASE WHEN name NOT LIKE '+%' THEN name END, said.source, said.said_at
    FROM said, unnest(names) AS name
    WHERE name IS NOT NULL
      -- Taken back under this name, whoever took it back.
      AND NOT EXISTS (SELECT FROM opt_outs AS before
                      WHERE before.revoked_at IS NOT NULL AND (before.phone = name OR before.wa_user_id = name)
                        AND greatest(before.opted_out_at, before.said_again_at) >= said.said_at)
    ON CONFLICT DO NOTHING $$;

-- All names of a person follow the first of them, and it follows none.
CREATE FUNCTION guard_contact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.same_as IS NOT NULL
     AND EXISTS (SELECT FROM contacts AS form
                 WHERE coalesce(form.same_as, form.id) = NEW.id AND form.id <> NEW.id
                    OR form.id = NEW.same_as AND form.same_as IS NOT NULL) THEN
    RAISE EXCEPTION 'a name follows the first of its person' USING ERRCODE = 'check_violation', CONSTRAINT = 'names_follow_the_first';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER guard_contact AFTER INSERT OR UPDATE OF same_as ON contacts FOR EACH ROW EXECUTE FUNCTION guard_contact();

-- A stop outlives that its author gets another name, however that comes about.
CREATE FUNCTION carry_stops() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM spread_stops(names_of(NEW) || ARRAY[OLD.phone::text, '+' || OLD.wa_id, OLD.wa_user_id]);
  RETURN NULL;
END $$;
CREATE TRIGGER carry_stops AFTER INSERT OR UPDATE OF phone, wa_id, wa_user_id, same_as ON contacts
  FOR EACH ROW EXECUTE FUNCTION carry_stops();

-- ---------------------------------------------------------------- the ledger

INSERT INTO channels (channel) VALUES ('whatsapp');

ALTER TABLE jobs
  ADD COLUMN conversation_id bigint REFERENCES conversations,
  -- The message that is answered.
  ADD COLUMN message_id bigint REFERENCES messages,
  -- Attempts at an answer that came to nothing before anything was sent.
  ADD COLUMN failures smallint NOT NULL DEFAULT 0 CONSTRAINT three_failures_at_most CHECK (failures BETWEEN 0 AND 3),
  DROP CONSTRAINT job_kind_is_known,
  ADD CONSTRAINT job_kind_is_known CHECK (kind IN ('missed_call_text', 'welcome_call', 'daily_call', 'whatsapp_reply')),
  DROP CONSTRAINT job_origin_is_known,
  -- inbound is a message that came; by_hand is a person who had it tried again.
  ADD CONSTRAINT job_origin_is_known CHECK (origin IN
    ('dial_result', 'call_status', 'poller', 'scheduler', 'legacy', 'inbound', 'by_hand')),
  ADD CONSTRAINT an_answer_stays_in_its_conversation FOREIGN KEY (conversation_id, message_id) REFERENCES messages (conversation_id, id),
  ADD CONSTRAINT a_reply_answers_a_message CHECK ((kind = 'whatsapp_reply') = (message_id IS NOT NULL)
                                                  AND (message_id IS NULL) = (conversation_id IS NULL));
CREATE INDEX jobs_of_a_conversation ON jobs (conversation_id, message_id) WHERE conversation_id IS NOT NULL;
CREATE INDEX replies_unprojected ON jobs (ended_at) WHERE conversation_id IS NOT NULL AND state = 'accepted' AND NOT projected;

-- What is to be said, written down once before it may be sent: a second try says the same.
CREATE TABLE drafts (
  job_id     uuid CONSTRAINT one_draft_per_job PRIMARY KEY REFERENCES jobs,
  body       text CONSTRAINT a_draft_fits_a_message CHECK (length(btrim(body)) BETWEEN 1 AND 4096),
  -- Why no machine should answer.
  hand_over  text,
  -- Which model wrote it; NULL for words of our own.
  model      text,
  drafted_at timestamptz NOT NULL DEFAULT switchboard_now(),
  CONSTRAINT an_answer_or_a_reason CHECK (num_nonnulls(body, hand_over) = 1)
);
CREATE TRIGGER keep_drafts BEFORE UPDATE OR DELETE OR TRUNCATE ON drafts EXECUTE FUNCTION refuse_removal();

ALTER TABLE attempts
  -- Somebody who hides their number has none.
  ALTER COLUMN recipient DROP NOT NULL,
  -- What WhatsApp is told to send to: digits, or the person's id.
  ADD COLUMN address text,
  ADD COLUMN message_id bigint REFERENCES messages,
  ADD CONSTRAINT an_attempt_reaches_somebody CHECK (num_nonnulls(recipient, address) > 0 AND (channel = 'whatsapp' OR recipient IS NOT NULL)),
  ADD CONSTRAINT a_reply_names_its_message CHECK ((channel = 'whatsapp') = (message_id IS NOT NULL)
                                                  AND (channel = 'whatsapp') = (address IS NOT NULL)),
  -- WhatsApp has no list in which something could be shown not to be.
  ADD CONSTRAINT no_reply_is_proven_absent CHECK (channel <> 'whatsapp' OR state <> 'absent');
-- Whoever tries it again, and under whatever name.
CREATE UNIQUE INDEX one_reply_per_message ON attempts (message_id)
  WHERE channel = 'whatsapp' AND state <> 'refused';
CREATE INDEX attempts_of_a_message ON attempts (message_id) WHERE channel = 'whatsapp';

CREATE OR REPLACE FUNCTION guard_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'jobs are kept for ever' USING ERRCODE = 'P0405', CONSTRAINT = 'ledger_is_kept';
  END IF;
  IF (NEW.id, NEW.kind, NEW.cause, NEW.recipient, NEW.line, NEW.caused_at, NEW.expires_at, NEW.customer_id, NEW.local_day,
      NEW.conversation_id, NEW.message_id)
     IS DISTINCT FROM
     (OLD.id, OLD.kind, OLD.cause, OLD.recipient, OLD.line, OLD.caused_at, OLD.expires_at, OLD.customer_id, OLD.local_day,
      OLD.conversation_id, OLD.message_id)
  THEN RAISE EXCEPTION 'what a job owes cannot change' USING ERRCODE = 'P0406', CONSTRAINT = 'job_identity'; END IF;
  -- Late evidence may still turn a person's case into an accepted one; no other end is left again.
  IF NEW.state <> OLD.state AND OLD.ended_at IS NOT NULL AND (OLD.state, NEW.state) <> ('needs_human', 'accepted')
  THEN RAISE EXCEPTION 'a job cannot go from % to %', OLD.state, NEW.state
         USING ERRCODE = 'P0407', CONSTRAINT = 'job_transition'; END IF;
  RETURN NEW;
END $$;
-- ---------------------------------------------------------------- who may be answered

-- Every thread of a person on WhatsApp: under each of their names there may be one.
CREATE FUNCTION threads_of(contact contacts) RETURNS SETOF conversations LANGUAGE sql STABLE AS $$
  SELECT conversations.* FROM conversations JOIN contacts AS form ON form.id = conversations.contact_id
  WHERE conversations.channel = 'WHATSAPP' AND conversations.group_id IS NULL
     AND coalesce(form.same_as, form.id) = coalesce(contact.same_as, contact.id) $$;

-- Where an answer goes: to who wrote, by the name under which they wrote. What was no number is answered at the one that
-- a person put in its place.
CREATE FUNCTION addressee_of(message messages, contact contacts, OUT phone phone, OUT address text) LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN is_named THEN message.sender_phone ELSE contact.phone END,
         CASE WHEN is_named THEN coalesce(message.sender_wa_id, ltrim(message.sender_phone, '+'), message.sender_user_id)
              ELSE coalesce(contact.wa_id, ltrim(contact.phone, '+')) END
  FROM (SELECT num_nonnulls(message.sender_phone, message.sender_user_id) > 0 AS is_named) AS sender $$;

-- Whether what somebody wrote is answered with something that they wrote later, or will be; later is what was written
-- later, not what was told later. What they took back is answered by nobody; and words of our own answer only whoever
-- asked for them.
CREATE FUNCTION is_answered_later(job jobs) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM messages AS message, conversations AS conversation, contacts AS contact,
                             threads_of(contact) AS thread, jobs AS later, messages AS newer
                 WHERE message.id = job.message_id AND conversation.id = job.conversation_id AND contact.id = conversation.contact_id
                   AND later.conversation_id = thread.id AND newer.id = later.message_id
                   AND (newer.sent_at, newer.id) > (message.sent_at, message.id)
                   AND (later.state IN ('in_flight', 'unknown', 'accepted') OR later.state = 'pending' AND newer.revoked_at IS NULL)
                   AND NOT EXISTS (SELECT FROM drafts WHERE drafts.job_id = later.id AND drafts.model IS NULL)) $$;

-- The rule by which a machine may not answer at `at`; NULL if it may.
CREATE FUNCTION rule_against_replying(job jobs, at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN replying.paused THEN 'replying_is_on'
    WHEN has_opted_out(contact)
      OR EXISTS (SELECT FROM opt_outs
                 WHERE revoked_at IS NULL AND (phone = message.sender_phone OR wa_user_id = message.sender_user_id)) THEN 'nobody_after_stop'
    WHEN (addressee_of(message, contact)).address IS NULL THEN 'recipient_can_be_reached'
    WHEN EXISTS (SELECT FROM threads_of(contact) AS thread
                 WHERE thread.assigned_user_id IS NOT NULL OR thread.handed_over_at IS NOT NULL
                    OR thread.human_wrote_at > least(job.caused_at, at - replying.quiet_after_human)) THEN 'nobody_talks_over_a_human'
    WHEN conversation.deleted_at IS NOT NULL THEN 'conversation_is_in_the_inbox'
    WHEN message.revoked_at IS NOT NULL THEN 'message_was_not_taken_back'
    -- Meta's clock is not ours.
    WHEN conversation.last_inbound_at <= at - interval '23 hours 50 minutes' THEN 'window_is_open'
    WHEN is_answered_later(job) THEN 'the_latest_message_is_answered'
    WHEN NOT EXISTS (SELECT FROM drafts WHERE job_id = job.id AND body IS NOT NULL) THEN 'an_answer_is_drafted'
  END
  FROM replying, conversations AS conversation, contacts AS contact, messages AS message
  WHERE conversation.id = job.conversation_id AND contact.id = conversation.contact_id AND message.id = job.message_id $$;

CREATE OR REPLACE FUNCTION guard_attempt() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE job jobs; door channels; customer customers; contact contacts; cool_down_minutes integer; rule text;
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'attempts are kept for ever' USING ERRCODE = 'P0405', CONSTRAINT = 'ledger_is_kept';
  END IF;

  IF TG_OP = 'UPDATE' THEN
    IF (NEW.id, NEW.job_id, NEW.attempt_no, NEW.granted_at, NEW.channel, NEW.sender, NEW.recipient, NEW.content, NEW.cool_down,
        NEW.customer_id, NEW.timezone, NEW.local_day, NEW.local_time, NEW.spacing,
        NEW.address, NEW.message_id)
       IS DISTINCT FROM
       (OLD.id, OLD.job_id, OLD.attempt_no, OLD.granted_at, OLD.channel, OLD.sender, OLD.recipient, OLD.content, OLD.cool_down,
        OLD.customer_id, OLD.timezone, OLD.local_day, OLD.local_time, OLD.spacing,
        OLD.address, OLD.message_id)
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
  IF job.conversation_id IS NOT NULL THEN
    -- A stop, a takeover or another message comes before this or after it, and never in between. The contact before
    -- the conversation, as whoever stores what comes locks them: nobody waits for somebody who waits for them.
    SELECT contacts.* INTO STRICT contact FROM contacts JOIN conversations ON conversations.contact_id = contacts.id
      WHERE conversations.id = job.conversation_id;
    PERFORM FROM contacts WHERE coalesce(same_as, id) = coalesce(contact.same_as, contact.id) ORDER BY id FOR SHARE;
    PERFORM FROM conversations WHERE id = job.conversation_id OR id IN (SELECT id FROM threads_of(contact)) ORDER BY id FOR SHARE;
    -- They may have got another name while this waited.
    SELECT * INTO STRICT contact FROM contacts WHERE id = contact.id;
    NEW.channel := 'whatsapp';
    NEW.sender := NULL; NEW.cool_down := NULL;
    SELECT addressee.phone, addressee.address INTO NEW.recipient, NEW.address
      FROM messages, addressee_of(messages, contact) AS addressee WHERE messages.id = job.message_id;
    NEW.message_id := job.message_id;
  ELSIF job.customer_id IS NULL THEN
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
             -- Also where it was another job's, which is tried again.
             WHERE earlier.job_id = job.id OR earlier.message_id = job.message_id) THEN
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
  ELSIF NEW.channel = 'whatsapp' THEN
    -- A pause waits for the permits that are being given, and the next permit for the pause: from its commit on it holds.
    PERFORM FROM replying FOR SHARE;
    rule := rule_against_replying(job, NEW.granted_at);
    IF rule IS NOT NULL THEN
      RAISE EXCEPTION 'not to be answered' USING ERRCODE = 'P0414', CONSTRAINT = rule;
    END IF;
    IF NEW.content IS DISTINCT FROM (SELECT body FROM drafts WHERE job_id = job.id) THEN
      RAISE EXCEPTION 'other words than those that were drafted' USING ERRCODE = 'P0414', CONSTRAINT = 'what_was_drafted_is_said';
    END IF;
    SELECT * INTO STRICT door FROM channels WHERE channel = NEW.channel;
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

-- ---------------------------------------------------------------- handing over

-- Asks whoever is there to look at a conversation: a task, and a notice, once for as long as it is open.
CREATE FUNCTION ask_a_person(conversation bigint, job uuid, kind text, title text, detail text) RETURNS void LANGUAGE sql AS $$
  WITH asked AS (
    INSERT INTO tasks (kind, conversation_id, job_id, title, detail, assigned_to)
    SELECT kind, conversation, job, title, detail, coalesce(assigned_user_id, (SELECT hand_over_to FROM replying))
    FROM conversations WHERE id = conversation
    ON CONFLICT DO NOTHING
    RETURNING assigned_to
  )
  INSERT INTO notifications (user_id, conversation_id, kind, body)
  SELECT assigned_to, conversation, kind, title FROM asked $$;

-- Gives a conversation to a person: no machine answers in it until they hand it back.
CREATE FUNCTION hand_over(conversation bigint, job uuid, kind text, title text, detail text) RETURNS void LANGUAGE sql AS $$
  UPDATE conversations
  SET handed_over_at = coalesce(handed_over_at, switchboard_now()),
      assigned_user_id = coalesce(assigned_user_id, (SELECT hand_over_to FROM replying))
  WHERE id = conversation;
  SELECT ask_a_person(conversation, job, kind, title, detail) $$;

-- The last message of a conversation that was to be answered with a later one, if all that is later was taken back or is
-- another matter; NULL if there is none.
CREATE FUNCTION left_behind(conversation bigint) RETURNS uuid LANGUAGE sql STABLE AS $$
  WITH threads AS MATERIALIZED (
    SELECT thread.id FROM conversations, contacts AS contact, threads_of(contact) AS thread
    WHERE conversations.id = conversation AND contact.id = conversations.contact_id)
  SELECT job.id FROM jobs AS job JOIN messages AS message ON message.id = job.message_id
  WHERE job.conversation_id IN (SELECT id FROM threads) AND job.state = 'suppressed' AND job.state_reason = 'answered_later'
    AND message.revoked_at IS NULL
    -- Every other end is an answer, or has told a person.
    AND NOT EXISTS (SELECT FROM jobs AS later JOIN messages AS newer ON newer.id = later.message_id
                    WHERE later.conversation_id IN (SELECT id FROM threads)
                      AND (newer.sent_at, newer.id) > (message.sent_at, message.id)
                      AND coalesce(later.state_reason, '') NOT IN ('answered_later', 'message_revoked')
                      AND NOT EXISTS (SELECT FROM drafts WHERE drafts.job_id = later.id AND drafts.model IS NULL))
  ORDER BY message.sent_at DESC, message.id DESC LIMIT 1 $$;

-- Whoever waits for an answer that no machine gives gets a person's.
CREATE FUNCTION leave_to_a_person() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE why text := split_part(NEW.state_reason, ': ', 2); left_job uuid;
BEGIN
  CASE
    WHEN NEW.state = 'needs_human' THEN
      PERFORM ask_a_person(NEW.conversation_id, NEW.id, 'unclear', 'Find out whether this answer arrived',
                           (SELECT body FROM drafts WHERE job_id = NEW.id));
    WHEN NEW.state IN ('refused', 'dead') THEN
      PERFORM ask_a_person(NEW.conversation_id, NEW.id, 'not_answered', 'Answer a message that could not be answered', NEW.state_reason);
    WHEN NEW.state_reason IN ('expired', 'too_old') THEN
      PERFORM ask_a_person(NEW.conversation_id, NEW.id, 'not_answered', 'Answer a message that is too old for a machine', NEW.state_reason);
    WHEN NEW.state_reason = 'window_closed' THEN
      PERFORM ask_a_person(NEW.conversation_id, NEW.id, 'not_answered', 'Reach somebody for whom WhatsApp takes no answer any more', NEW.state_reason);
    WHEN NEW.state_reason = 'human_has_taken_over' THEN
      -- Who wrote after it has read it, and who has a task still open will. Whoever ticks it just now is waited for.
      PERFORM FROM tasks WHERE conversation_id = NEW.conversation_id AND kind IN ('handed_over', 'not_answered') AND done_at IS NULL
        FOR SHARE;
      IF NOT FOUND AND NOT EXISTS (SELECT FROM conversations WHERE id = NEW.conversation_id AND human_wrote_at > NEW.caused_at) THEN
        PERFORM ask_a_person(NEW.conversation_id, NEW.id, 'not_answered', 'Answer a message in a conversation that a person has', NEW.state_reason);
      END IF;
    WHEN NEW.state_reason IN ('answered_later', 'message_revoked') THEN
      -- One after the other: of two that end at once the second sees the first.
      PERFORM FROM conversations WHERE id = NEW.conversation_id FOR NO KEY UPDATE;
      left_job := left_behind(NEW.conversation_id);
      IF left_job IS NOT NULL THEN
        PERFORM ask_a_person(NEW.conversation_id, left_job, 'not_answered', 'Answer a message whose successor was taken back', 'message_revoked');
      END IF;
    WHEN NEW.state_reason = 'said_stop' THEN
      PERFORM ask_a_person(NEW.conversation_id, NEW.id, 'said_stop', 'Somebody said stop: see whether they meant it', NULL);
    WHEN NEW.state_reason = 'opted_out' THEN
      PERFORM ask_a_person(NEW.conversation_id, NEW.id, 'opted_out', 'Read what somebody wrote who said stop', NULL);
    WHEN NEW.state_reason = 'invalid_phone' THEN
      PERFORM ask_a_person(NEW.conversation_id, NEW.id, 'invalid_phone', 'Correct a telephone number, then try again',
                           (SELECT phone_given FROM contacts JOIN conversations ON contacts.id = contact_id WHERE conversations.id = NEW.conversation_id));
    WHEN NEW.state_reason LIKE 'handed_over: %' THEN
      PERFORM hand_over(NEW.conversation_id, NEW.id, 'handed_over', 'Take over a conversation',
                        coalesce((SELECT drafts.hand_over FROM drafts WHERE job_id = NEW.id), replace(why, '_', ' ')));
    ELSE NULL;
  END CASE;
  RETURN NULL;
END $$;
CREATE TRIGGER leave_to_a_person AFTER INSERT OR UPDATE OF state ON jobs FOR EACH ROW
  WHEN (NEW.conversation_id IS NOT NULL AND NEW.state IN ('refused', 'dead', 'needs_human', 'suppressed'))
  EXECUTE FUNCTION leave_to_a_person();

-- A message of ours that will not arrive is a person's to see, whenever it is told: before the message stands in its
-- thread, or after. It can become so once.
CREATE FUNCTION tell_of_failure() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM ask_a_person(NEW.conversation_id, (SELECT job_id FROM attempts WHERE id = NEW.attempt_id), 'not_delivered',
                       'A message of ours was not delivered', NEW.error);
  RETURN NULL;
END $$;
CREATE TRIGGER tell_of_failure AFTER INSERT ON messages FOR EACH ROW
  WHEN (NEW.status = 'FAILED') EXECUTE FUNCTION tell_of_failure();
CREATE TRIGGER tell_of_later_failure AFTER UPDATE ON messages FOR EACH ROW
  WHEN (NEW.status = 'FAILED' AND OLD.status <> 'FAILED') EXECUTE FUNCTION tell_of_failure();

-- ---------------------------------------------------------------- what comes from WhatsApp

-- Everything that somebody is called in what was told.
CREATE FUNCTION names_in(item jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(array_agg(name), '{}')
  FROM unnest(ARRAY[item ->> 'phone', '+' || (item ->> 'wa_id'), item ->> 'wa_user_id', item ->> 'was_phone', item ->> 'was']) AS name
  WHERE name IS NOT NULL $$;

-- Whose message it is; a new contact if it is nobody's. What is named together is one person from then on, whatever
-- names they are told by later; `was` and `was_phone` are what they were called before. Whoever calls it holds the
-- person's lock.
CREATE FUNCTION contact_of(item jsonb) RETURNS contacts LANGUAGE plpgsql AS $$
DECLARE
  names text[] := names_in(item);
  -- What stood in the place of a number says nothing of who it is where there is something better.
  given text := CASE WHEN names = '{}' THEN item ->> 'phone_given' END;
  contact contacts; person bigint; other bigint; new_phone text; new_id text;
BEGIN
  PERFORM FROM contacts
    WHERE coalesce(same_as, id) IN (SELECT coalesce(same_as, id) FROM contacts
                                    WHERE phone = ANY (names) OR wa_user_id = ANY (names) OR phone_given = given)
    ORDER BY id FOR NO KEY UPDATE;
  -- By the number first.
  SELECT coalesce(same_as, id) INTO person FROM contacts
    WHERE phone = ANY (names) OR wa_user_id = ANY (names) OR phone_given = given
    ORDER BY phone = item ->> 'phone' DESC NULLS LAST, wa_user_id = item ->> 'wa_user_id' DESC NULLS LAST,
             phone = item ->> 'was_phone' DESC NULLS LAST, id
    LIMIT 1;
  IF person IS NULL THEN
    INSERT INTO contacts (name, phone, wa_id, wa_user_id, phone_given)
      VALUES (item ->> 'name', item ->> 'phone', item ->> 'wa_id', coalesce(item ->> 'wa_user_id', item ->> 'was'), given)
      RETURNING id INTO person;
  END IF;
  FOR new_phone, new_id IN
    VALUES (item ->> 'phone', item ->> 'wa_user_id'), (item ->> 'was_phone', item ->> 'was') LOOP
    IF EXISTS (SELECT FROM contacts WHERE phone = new_phone) THEN new_phone := NULL; END IF;
    IF EXISTS (SELECT FROM contacts WHERE wa_user_id = new_id) THEN new_id := NULL; END IF;
    CONTINUE WHEN num_nonnulls(new_phone, new_id) = 0;
    -- Into the first row, where it fits.
    UPDATE contacts
      SET phone = coalesce(phone, new_phone), wa_user_id = coalesce(wa_user_id, new_id), updated_at = switchboard_now()
      WHERE id = person AND (phone IS NULL OR new_phone IS NULL) AND (wa_user_id IS NULL OR new_id IS NULL);
    IF NOT FOUND THEN INSERT INTO contacts (phone, wa_user_id, same_as) VALUES (new_phone, new_id, person); END IF;
  END LOOP;
  -- Two that were known are one. But a number passes from hand to hand: of two people with a number each, one has got the
  -- other's, and what either said of stopping counts for both.
  FOR other IN
    SELECT DISTINCT coalesce(same_as, id) FROM contacts
    WHERE (phone = ANY (names) OR wa_user_id = ANY (names)) AND coalesce(same_as, id) <> person LOOP
    IF (SELECT count(DISTINCT coalesce(same_as, id)) > 1 FROM contacts
        WHERE coalesce(same_as, id) IN (person, other) AND phone IS NOT NULL) THEN
      PERFORM spread_stops(array_agg(called)) FROM contacts AS either, unnest(names_of(either)) AS called WHERE either.id IN (person, other);
    ELSE
      UPDATE contacts SET same_as = person, updated_at = switchboard_now() WHERE coalesce(same_as, id) = other;
    END IF;
  END LOOP;
  UPDATE contacts SET wa_id = item ->> 'wa_id', updated_at = switchboard_now()
    WHERE phone = item ->> 'phone' AND wa_id IS DISTINCT FROM item ->> 'wa_id' AND item ->> 'wa_id' IS NOT NULL;
  UPDATE contacts SET name = item ->> 'name', updated_at = switchboard_now()
    WHERE id = person AND name IS DISTINCT FROM item ->> 'name' AND item ->> 'name' IS NOT NULL;
  SELECT * INTO STRICT contact FROM contacts WHERE id = person;
  RETURN contact;
END $$;

-- Their thread, in the inbox again if somebody had removed it; with it the lead that they are. What somebody writes in a
-- group is a thread by itself, and makes them no lead.
CREATE FUNCTION conversation_of(contact contacts, on_channel text DEFAULT 'WHATSAPP', in_group text DEFAULT NULL) RETURNS conversations LANGUAGE plpgsql AS $$
DECLARE conversation conversations; lead bigint;
BEGIN
  IF in_group IS NULL THEN
    INSERT INTO leads (contact_id, channel) VALUES (contact.id, on_channel) ON CONFLICT DO NOTHING;
    SELECT id INTO lead FROM leads WHERE contact_id = contact.id AND status = 'open';
  END IF;
  INSERT INTO conversations (contact_id, channel, group_id, lead_id) VALUES (contact.id, on_channel, in_group, lead)
    ON CONFLICT ON CONSTRAINT one_conversation_per_contact_and_channel
    DO UPDATE SET deleted_at = NULL, lead_id = excluded.lead_id
    RETURNING * INTO conversation;
  RETURN conversation;
END $$;

-- Somebody says stop, on every channel at once and under every name. What was said before they took it back is told too
-- late; what was said in the same second counts.
CREATE FUNCTION stop_contacting(contact contacts, item jsonb, said_by text, said_at timestamptz) RETURNS void LANGUAGE sql AS $$
  INSERT INTO opt_outs (phone, wa_user_id, source, opted_out_at)
    SELECT DISTINCT CASE WHEN name LIKE '+%' THEN name END, CASE WHEN name NOT LIKE '+%' THEN name END, said_by, said_at
    FROM unnest(names_of(contact) || names_in(item)) AS name
    WHERE NOT EXISTS (SELECT FROM contacts AS form
                      WHERE coalesce(form.same_as, form.id) = coalesce(contact.same_as, contact.id)
                        AND (form.said_start_at > said_at OR said_by = 'whatsapp_preference' AND form.resumed_at > said_at))
    ON CONFLICT DO NOTHING $$;
-- Or takes back what they have said until then. A switch at WhatsApp takes back what the switch did, and no word.
CREATE FUNCTION start_contacting(contact contacts, item jsonb, said_by text, said_at timestamptz) RETURNS void LANGUAGE sql AS $$
  UPDATE contacts
    SET said_start_at = CASE WHEN said_by = 'whatsapp_preference' THEN said_start_at ELSE greatest(said_start_at, said_at) END,
        resumed_at = CASE WHEN said_by = 'whatsapp_preference' THEN greatest(resumed_at, said_at) ELSE resumed_at END
    WHERE id = contact.id;
  UPDATE opt_outs SET revoked_at = switchboard_now(), revoked_by = said_by
    FROM (SELECT names_of(contact) || names_in(item) AS names) AS theirs
    WHERE revoked_at IS NULL AND (phone = ANY (names) OR wa_user_id = ANY (names))
      AND greatest(opted_out_at, said_again_at) <= said_at
      AND (said_by <> 'whatsapp_preference'
           OR source = 'whatsapp_preference' AND coalesce(said_again_by, source) = 'whatsapp_preference') $$;

-- What somebody wrote, and what we owe them for it.
CREATE FUNCTION receive_message(item jsonb, OUT outcome text, OUT conversation_id bigint, OUT lead_id bigint, OUT message_id bigint,
                                OUT job_id uuid, OUT job_state text, OUT reason text) LANGUAGE plpgsql AS $$
DECLARE contact contacts; conversation conversations; settings replying; wrote_at timestamptz; due timestamptz; change held_changes;
BEGIN
  SELECT messages.conversation_id, messages.lead_id, messages.id, jobs.id, jobs.state, jobs.state_reason
    INTO conversation_id, lead_id, message_id, job_id, job_state, reason
    FROM messages LEFT JOIN jobs ON jobs.kind = 'whatsapp_reply' AND jobs.cause = item ->> 'wamid'
    WHERE messages.channel = 'WHATSAPP' AND messages.provider_message_id = item ->> 'wamid';
  IF FOUND THEN outcome := 'duplicate'; RETURN; END IF;

  SELECT * INTO STRICT settings FROM replying;
  contact := contact_of(item);
  conversation := conversation_of(contact, in_group => item ->> 'group');
  -- Nobody has written later than now.
  wrote_at := least((item ->> 'sent_at')::timestamptz, switchboard_now());
  conversation_id := conversation.id;
  lead_id := conversation.lead_id;
  -- What its author made of it before it was told.
  DELETE FROM held_changes WHERE provider_message_id = item ->> 'wamid' RETURNING * INTO change;
  INSERT INTO messages (conversation_id, contact_id, lead_id, direction, author, sender_phone, sender_wa_id, sender_user_id, channel, type,
                        body, media, raw, reply_to, provider_message_id, status, sent_at, edited_at, revoked_at)
    VALUES (conversation.id, contact.id, conversation.lead_id, 'INBOUND', 'customer', item ->> 'phone', item ->> 'wa_id', item ->> 'wa_user_id',
            'WHATSAPP', item ->> 'type',
            CASE WHEN change.revoked_at IS NULL THEN coalesce(change.body, item ->> 'body') END,
            CASE WHEN change.revoked_at IS NULL THEN item -> 'media' END, CASE WHEN change.revoked_at IS NULL THEN item -> 'raw' END,
            item ->> 'reply_to', item ->> 'wamid', 'RECEIVED', wrote_at, change.edited_at, change.revoked_at)
    RETURNING id INTO message_id;
  outcome := 'received';
  UPDATE conversations SET last_inbound_at = greatest(last_inbound_at, wrote_at), last_message_at = greatest(last_message_at, wrote_at)
    WHERE id = conversation.id;

  CASE item ->> 'wish'
    WHEN 'stop' THEN PERFORM stop_contacting(contact, item, 'whatsapp', wrote_at);
    WHEN 'start' THEN PERFORM start_contacting(contact, item, 'whatsapp', wrote_at);
    ELSE NULL;
  END CASE;
  -- They say that they go by another name from now on.
  IF item -> 'is_now' <> 'null' THEN
    PERFORM contact_of((item -> 'is_now') || jsonb_build_object('was', item -> 'wa_user_id', 'was_phone', item -> 'phone'));
  END IF;

  -- Every message that somebody might wait for an answer to has a job, which says what became of it.
  IF item ->> 'policy' = 'leave' THEN
    reason := item ->> 'why';
    UPDATE messages SET left_because = reason WHERE id = message_id;
    RETURN;
  END IF;
  reason := CASE
    WHEN item ->> 'wish' = 'stop' THEN 'said_stop'
    WHEN has_opted_out(contact) THEN 'opted_out'
    WHEN change.revoked_at IS NOT NULL THEN 'message_revoked'
    WHEN EXISTS (SELECT FROM threads_of(contact) AS thread
                 WHERE thread.assigned_user_id IS NOT NULL OR thread.handed_over_at IS NOT NULL
                    OR thread.human_wrote_at > switchboard_now() - settings.quiet_after_human) THEN 'human_has_taken_over'
    WHEN item ->> 'policy' = 'hand_over' THEN 'handed_over: ' || (item ->> 'why')
    WHEN wrote_at + settings.answer_within <= switchboard_now() THEN 'too_old'
    -- A later one has its answer, written by who had not read this one.
    WHEN EXISTS (SELECT FROM jobs AS later JOIN messages AS newer ON newer.id = later.message_id JOIN drafts ON drafts.job_id = later.id
                 WHERE later.conversation_id IN (SELECT id FROM threads_of(contact)) AND newer.sent_at > wrote_at
                   AND later.state IN ('pending', 'in_flight', 'unknown', 'accepted')) THEN 'too_old' END;
  due := switchboard_now() + CASE WHEN reason IS NULL THEN settings.settles_after ELSE '0' END;
  job_state := CASE WHEN reason IS NULL THEN 'pending' ELSE 'suppressed' END;
  INSERT INTO jobs (kind, cause, recipient, conversation_id, message_id, origin, state, state_reason, caused_at, due_at, expires_at, ended_at)
    VALUES ('whatsapp_reply', item ->> 'wamid', item ->> 'phone', conversation.id, message_id, 'inbound', job_state, reason, wrote_at,
            due, greatest(wrote_at + settings.answer_within, due + interval '1 second'), CASE WHEN reason IS NOT NULL THEN switchboard_now() END)
    RETURNING id INTO job_id;
  IF item ->> 'draft' IS NOT NULL THEN INSERT INTO drafts (job_id, body) VALUES (job_id, item ->> 'draft'); END IF;
END $$;

-- What a person of the business wrote on their own telephone: it stands in the thread, and the machine keeps quiet.
CREATE FUNCTION receive_echo(item jsonb, OUT outcome text, OUT conversation_id bigint, OUT message_id bigint) LANGUAGE plpgsql AS $$
DECLARE conversation conversations; wrote_at timestamptz := least((item ->> 'sent_at')::timestamptz, switchboard_now());
BEGIN
  conversation := conversation_of(contact_of(item));
  conversation_id := conversation.id;
  INSERT INTO messages (conversation_id, contact_id, lead_id, direction, author, channel, type, body, media, reply_to, provider_message_id,
                        status, sent_at)
    VALUES (conversation.id, conversation.contact_id, conversation.lead_id, 'OUTBOUND', 'human', 'WHATSAPP', item ->> 'type',
            item ->> 'body', item -> 'media', item ->> 'reply_to', item ->> 'wamid', 'SENT', wrote_at)
    ON CONFLICT DO NOTHING RETURNING id INTO message_id;
  outcome := CASE WHEN message_id IS NULL THEN 'duplicate' ELSE 'received' END;
  UPDATE conversations
    SET human_wrote_at = greatest(human_wrote_at, wrote_at), last_outbound_at = greatest(last_outbound_at, wrote_at),
        last_message_at = greatest(last_message_at, wrote_at)
    WHERE id = conversation.id;
  -- And it keeps quiet wherever the same person may be waiting: in a thread under a name that is told here too, and in
  -- the one that holds what is answered.
  UPDATE conversations SET human_wrote_at = greatest(human_wrote_at, wrote_at)
    WHERE id <> conversation.id
      AND (id = (SELECT messages.conversation_id FROM messages
                 WHERE messages.channel = 'WHATSAPP' AND messages.provider_message_id = item ->> 'reply_to')
           OR contact_id IN (SELECT id FROM contacts WHERE phone = ANY (names_in(item)) OR wa_user_id = ANY (names_in(item))));
END $$;

-- Another wording of a message, or none any more; before the message itself, if it is told first. Somebody who says stop
-- in the new words is heard at once.
CREATE FUNCTION receive_change(item jsonb, OUT outcome text, OUT conversation_id bigint, OUT message_id bigint) LANGUAGE plpgsql AS $$
DECLARE
  contact contacts; said_at timestamptz := least((item ->> 'said_at')::timestamptz, switchboard_now());
  is_revoked boolean := item ->> 'kind' = 'revoke';
BEGIN
  outcome := 'received';
  SELECT messages.conversation_id, messages.id INTO conversation_id, message_id FROM messages
    WHERE messages.channel = 'WHATSAPP' AND provider_message_id = item ->> 'wamid';
  IF NOT FOUND THEN
    -- What nobody has told for so long is told no more.
    DELETE FROM held_changes WHERE told_at < switchboard_now() - interval '30 days';
    INSERT INTO held_changes AS held (provider_message_id, body, edited_at, revoked_at)
      VALUES (item ->> 'wamid', item ->> 'body', CASE WHEN NOT is_revoked THEN said_at END, CASE WHEN is_revoked THEN said_at END)
      ON CONFLICT ON CONSTRAINT one_held_change_per_message DO UPDATE
        SET body = CASE WHEN excluded.edited_at < held.edited_at THEN held.body ELSE coalesce(excluded.body, held.body) END,
            edited_at = greatest(held.edited_at, excluded.edited_at), revoked_at = coalesce(held.revoked_at, excluded.revoked_at);
  ELSIF is_revoked THEN
    UPDATE messages SET body = NULL, media = NULL, raw = NULL, revoked_at = coalesce(revoked_at, said_at)
      WHERE id = message_id AND direction = 'INBOUND';
  ELSE
    UPDATE messages SET body = item ->> 'body', edited_at = said_at
      WHERE id = message_id AND direction = 'INBOUND' AND revoked_at IS NULL AND (edited_at IS NULL OR edited_at <= said_at);
  END IF;

  IF item ->> 'heard' IN ('stop', 'perhaps') THEN
    contact := contact_of(item);
    IF conversation_id IS NULL THEN SELECT id INTO conversation_id FROM conversation_of(contact); END IF;
    IF item ->> 'heard' = 'stop' THEN
      PERFORM stop_contacting(contact, item, 'whatsapp', said_at);
      PERFORM ask_a_person(conversation_id, NULL, 'said_stop', 'Somebody said stop: see whether they meant it', NULL);
    ELSE
      PERFORM hand_over(conversation_id, NULL, 'handed_over', 'Take over a conversation', 'perhaps they said stop');
    END IF;
  END IF;
END $$;

-- How far a message of ours has come. The first to tell of one proves that it was taken: `unsettled` then names nothing
-- here, and whoever called settles the attempt.
CREATE FUNCTION receive_status(item jsonb, OUT outcome text, OUT conversation_id bigint, OUT message_id bigint) LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO deliveries (channel, provider_id, status, error_code)
    VALUES ('whatsapp', item ->> 'wamid', item ->> 'status', (item ->> 'error_code')::bigint)
    ON CONFLICT DO NOTHING;
  outcome := CASE WHEN FOUND THEN 'received' ELSE 'duplicate' END;
  IF EXISTS (SELECT FROM attempts WHERE id = (item ->> 'attempt')::uuid AND channel = 'whatsapp'
             AND provider_id IS DISTINCT FROM item ->> 'wamid') THEN outcome := 'unsettled'; END IF;
  UPDATE messages SET status = message_status_of(item ->> 'status'), error = item ->> 'error'
    WHERE channel = 'WHATSAPP' AND provider_message_id = item ->> 'wamid' AND direction = 'OUTBOUND'
      AND message_status_of(item ->> 'status') IS NOT NULL
    RETURNING messages.conversation_id, id INTO conversation_id, message_id;
END $$;

-- One thing that WhatsApp told.
CREATE FUNCTION receive_item(item jsonb, OUT outcome text, OUT conversation_id bigint, OUT lead_id bigint, OUT message_id bigint,
                             OUT job_id uuid, OUT job_state text, OUT reason text) LANGUAGE plpgsql AS $$
DECLARE contact contacts; said_at timestamptz;
BEGIN
  CASE item ->> 'kind'
    WHEN 'message' THEN
      SELECT * INTO outcome, conversation_id, lead_id, message_id, job_id, job_state, reason FROM receive_message(item);
    WHEN 'echo' THEN SELECT * INTO outcome, conversation_id, message_id FROM receive_echo(item);
    WHEN 'status' THEN SELECT * INTO outcome, conversation_id, message_id FROM receive_status(item);
    WHEN 'edit', 'revoke' THEN SELECT * INTO outcome, conversation_id, message_id FROM receive_change(item);
    WHEN 'preference' THEN
      contact := contact_of(item);
      said_at := least((item ->> 'said_at')::timestamptz, switchboard_now());
      IF item ->> 'wish' = 'stop' THEN PERFORM stop_contacting(contact, item, 'whatsapp_preference', said_at);
      ELSE PERFORM start_contacting(contact, item, 'whatsapp_preference', said_at); END IF;
      outcome := 'received';
    WHEN 'new_user_id' THEN
      PERFORM contact_of(item);
      outcome := 'received';
    ELSE
      INSERT INTO quarantined_events (source, reason, payload)
        VALUES ('whatsapp', coalesce(item ->> 'why', 'unknown'), convert_to(coalesce(item ->> 'raw', item::text), 'UTF8'))
        ON CONFLICT ON CONSTRAINT quarantined_once DO NOTHING;
      outcome := 'quarantined'; reason := item ->> 'why';
  END CASE;
END $$;

-- Everything that one request told, in its order. What cannot be stored is set aside, and its neighbours are not.
CREATE FUNCTION receive_from_whatsapp(items jsonb)
  RETURNS TABLE (outcome text, conversation_id bigint, lead_id bigint, message_id bigint, job_id uuid, job_state text, reason text)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE item jsonb;
BEGIN
  -- A person's messages one after the other, whichever requests they come in.
  PERFORM take_turns(array_agg(name))
    FROM jsonb_array_elements(items) AS told,
         unnest(names_in(told) || ARRAY[told ->> 'phone_given', told ->> 'wamid']) AS name;
  FOR item IN SELECT told FROM jsonb_array_elements(items) AS told LOOP
    BEGIN
      RETURN QUERY SELECT * FROM receive_item(item);
    EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
      INSERT INTO quarantined_events (source, reason, payload)
        VALUES ('whatsapp', left(SQLERRM, 200), convert_to(item::text, 'UTF8'))
        ON CONFLICT ON CONSTRAINT quarantined_once DO NOTHING;
      RETURN QUERY SELECT 'quarantined', NULL::bigint, NULL::bigint, NULL::bigint, NULL::uuid, NULL::text, left(SQLERRM, 200);
    END;
  END LOOP;
END $$;

-- ---------------------------------------------------------------- what an operator reads

-- What the old runbook's queries read, by the names that they know.
CREATE VIEW outbound_jobs AS
SELECT job.id, CASE WHEN job.state = 'accepted' THEN 'done'
                    WHEN job.state IN ('in_flight', 'unknown') THEN 'sending'
                    WHEN job.state = 'pending' AND (job.failures > 0 OR EXISTS (SELECT FROM attempts WHERE attempts.job_id = job.id)) THEN 'retrying'
                    WHEN job.state = 'pending' THEN 'pending'
                    WHEN job.state = 'suppressed' AND job.state_reason <> 'invalid_phone' THEN 'skipped'
                    ELSE 'failed' END AS status,
       job.conversation_id, job.message_id AS inbound_message_id, message.provider_message_id AS inbound_provider_message_id,
       CASE job.state_reason WHEN 'invalid_phone' THEN 'INVALID_PHONE: Invalid phone number format' ELSE job.state_reason END AS error,
       job.ended_at AS completed_at, job.created_at
FROM jobs AS job JOIN messages AS message ON message.id = job.message_id;

-- One row per request to WhatsApp. Its key names the channel, the conversation, the message that is answered and what
-- for, and never the words: they differ from one drafting to the next.
CREATE VIEW outbound_message_log AS
SELECT attempt.id, concat_ws(':', 'WHATSAPP', job.conversation_id, message.provider_message_id, 'reply') AS outbound_dedupe_key,
       attempt.state AS status, attempt.provider_id AS provider_message_id, attempt.granted_at AS created_at
FROM attempts AS attempt JOIN jobs AS job ON job.id = attempt.job_id JOIN messages AS message ON message.id = attempt.message_id
WHERE attempt.channel = 'whatsapp';

CREATE VIEW inbound_message_dedup AS
SELECT channel, provider_message_id, created_at FROM messages WHERE direction = 'INBOUND';

-- ---------------------------------------------------------------- the application's role

GRANT SELECT ON users, contacts, leads, conversations, messages, notifications, tasks, replying, drafts,
                outbound_jobs, outbound_message_log, inbound_message_dedup TO switchboard_app;
-- What comes in is written by one function alone, with its owner's rights; what it is made of is for it alone.
REVOKE EXECUTE ON FUNCTION contact_of(jsonb), conversation_of(contacts, text, text), spread_stops(text[]),
  stop_contacting(contacts, jsonb, text, timestamptz), start_contacting(contacts, jsonb, text, timestamptz), hear_stop_again(), carry_stops(), guard_contact(),
  receive_message(jsonb), receive_change(jsonb), receive_echo(jsonb), receive_status(jsonb), receive_item(jsonb), receive_from_whatsapp(jsonb),
  ask_a_person(bigint, uuid, text, text, text), hand_over(bigint, uuid, text, text, text), leave_to_a_person(), left_behind(bigint),
  heed_reports(), tell_of_failure(), take_turns(text[])
  FROM PUBLIC;
GRANT EXECUTE ON FUNCTION receive_from_whatsapp(jsonb) TO switchboard_app;
GRANT UPDATE (assigned_user_id, handed_over_at, human_wrote_at, last_outbound_at, last_message_at, deleted_at) ON conversations TO switchboard_app;
GRANT INSERT (conversation_id, contact_id, lead_id, direction, author, channel, type, body, reply_to, provider_message_id, attempt_id,
              status, error, sent_at) ON messages TO switchboard_app;
GRANT UPDATE (read_at, snoozed_until) ON notifications TO switchboard_app;
GRANT UPDATE (assigned_to, done_at) ON tasks TO switchboard_app;
GRANT INSERT (job_id, body, hand_over, model) ON drafts TO switchboard_app;
GRANT INSERT (conversation_id, message_id), UPDATE (failures) ON jobs TO switchboard_app;
