-- What people text to a line: in the inbox, beside what they write elsewhere. No machine answers a text, so whoever
-- waits for an answer is a person's to answer.

-- The line that a text came to.
ALTER TABLE messages ADD COLUMN line text;

-- Whether somebody has said stop, under any of their names or under the number that they gave.
CREATE FUNCTION has_stopped(contact contacts, given text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT has_opted_out(contact) OR EXISTS (SELECT FROM opt_outs WHERE revoked_at IS NULL AND phone = given) $$;

-- What somebody's words are for all channels.
CREATE FUNCTION heed_text(contact contacts, item jsonb, wrote_at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  given text := item ->> 'phone_given';
  meaning text := item ->> 'meaning';
  names text[] := names_of(contact) || given;
BEGIN
  -- To carriers a yes takes back what was said to them, and no more than that.
  IF meaning = 'yes' AND has_stopped(contact, given)
     AND NOT EXISTS (SELECT FROM opt_outs, unnest(ARRAY[source, said_again_by]) AS said_by
                     WHERE revoked_at IS NULL AND (phone = ANY (names) OR wa_user_id = ANY (names))
                       AND said_by NOT IN ('sms', 'provider:sms')) THEN meaning := 'start'; END IF;
  CASE meaning
    WHEN 'stop' THEN
      PERFORM stop_contacting(contact, item, 'sms', wrote_at);
      -- A number that no numbering plan has may still be somebody's.
      INSERT INTO opt_outs (phone, source, opted_out_at)
        SELECT given, 'sms', wrote_at WHERE given ~ '^\+[1-9][0-9]{6,14}$' ON CONFLICT DO NOTHING;
    WHEN 'start' THEN
      PERFORM start_contacting(contact, item, 'sms', wrote_at);
      UPDATE opt_outs SET revoked_at = switchboard_now(), revoked_by = 'sms'
        WHERE revoked_at IS NULL AND phone = given AND greatest(opted_out_at, said_again_at) <= wrote_at;
    ELSE NULL;
  END CASE;
END $$;

-- Asks a person to look at what somebody texted, and says as what; NULL where nobody has to: Twilio answers START and
-- HELP in the carriers' words, and nobody waits for an answer to nothing.
CREATE FUNCTION ask_about_text(contact contacts, given text, conversation bigint, meaning text, had_stopped boolean) RETURNS text
  LANGUAGE plpgsql AS $$
DECLARE
  stopped boolean := has_stopped(contact, given);
  asked text := CASE
    WHEN meaning = 'stop' THEN 'said_stop'
    WHEN meaning IN ('help', 'nothing') THEN NULL
    WHEN stopped THEN 'opted_out'
    -- Without a stop to take back, a yes answers somebody.
    WHEN meaning = 'start' OR (meaning = 'yes' AND had_stopped) THEN NULL
    WHEN contact.phone IS NULL THEN 'invalid_phone'
    WHEN meaning = 'perhaps_stop' THEN 'perhaps_said_stop'
    ELSE 'not_answered' END;
BEGIN
  IF asked IS NOT NULL THEN
    PERFORM ask_a_person(conversation, NULL, asked, CASE asked
      WHEN 'said_stop' THEN 'Somebody said stop: see whether they meant it'
      WHEN 'opted_out' THEN 'Read what somebody wrote who said stop'
      WHEN 'invalid_phone' THEN 'Answer a text whose sender is no telephone number'
      WHEN 'perhaps_said_stop' THEN 'Somebody may have said stop: see what they meant'
      ELSE 'Answer a text' END, given);
  END IF;
  RETURN asked;
END $$;

-- A text: stored once, heeded, and left to a person.
CREATE FUNCTION take_in_text(item jsonb, OUT outcome text, OUT conversation_id bigint, OUT message_id bigint, OUT asked text)
  LANGUAGE plpgsql AS $$
DECLARE contact contacts; conversation conversations;
        had_stopped boolean;
        -- Nobody has written later than now.
        wrote_at timestamptz := least((item ->> 'sent_at')::timestamptz, switchboard_now());
BEGIN
  SELECT messages.conversation_id, messages.id INTO conversation_id, message_id
    FROM messages WHERE channel = 'SMS' AND provider_message_id = item ->> 'sid';
  IF FOUND THEN outcome := 'duplicate'; RETURN; END IF;

  contact := contact_of(item);
  conversation := conversation_of(contact, on_channel => 'SMS');
  conversation_id := conversation.id;
  INSERT INTO messages (conversation_id, contact_id, lead_id, direction, author, sender_phone, channel, type, body, media,
                        line, provider_message_id, status, sent_at)
    VALUES (conversation.id, contact.id, conversation.lead_id, 'INBOUND', 'customer', item ->> 'phone', 'SMS', item ->> 'type',
            item ->> 'body', item -> 'media', item ->> 'line', item ->> 'sid', 'RECEIVED', wrote_at)
    RETURNING id INTO message_id;
  UPDATE conversations SET last_inbound_at = greatest(last_inbound_at, wrote_at), last_message_at = greatest(last_message_at, wrote_at)
    WHERE id = conversation.id;
  had_stopped := has_stopped(contact, item ->> 'phone_given');
  PERFORM heed_text(contact, item, wrote_at);
  asked := ask_about_text(contact, item ->> 'phone_given', conversation.id, item ->> 'meaning', had_stopped);
  outcome := 'received';
END $$;

-- The one way in. What cannot be stored is set aside, so that it is neither lost nor sent again for ever.
CREATE FUNCTION receive_text(item jsonb, OUT outcome text, OUT conversation_id bigint, OUT message_id bigint, OUT asked text)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  -- A person's texts one after the other, and beside them nothing that they write elsewhere.
  PERFORM take_turns(names_in(item) || ARRAY[item ->> 'phone_given', item ->> 'sid']);
  SELECT * INTO outcome, conversation_id, message_id, asked FROM take_in_text(item);
EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
  INSERT INTO quarantined_events (source, reason, payload)
    VALUES ('twilio_sms', left(SQLERRM, 200), convert_to(item::text, 'UTF8'))
    ON CONFLICT ON CONSTRAINT quarantined_once DO NOTHING;
  outcome := 'quarantined'; conversation_id := NULL; message_id := NULL; asked := left(SQLERRM, 200);
END $$;

-- ---------------------------------------------------------------- the application's role

REVOKE EXECUTE ON FUNCTION heed_text(contacts, jsonb, timestamptz), ask_about_text(contacts, text, bigint, text, boolean),
  take_in_text(jsonb), receive_text(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION receive_text(jsonb) TO switchboard_app;
