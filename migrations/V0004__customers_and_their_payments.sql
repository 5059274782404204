-- Who pays, how they want to be called, and what we were told of their payments.

-- ---------------------------------------------------------------- clocks

-- The instant at which a wall clock in `zone` shows `at` on `day`. An hour that the clock passes over comes as much
-- later as the clock is put forward; of an hour that comes twice it is the second.
CREATE FUNCTION at_local_time(day date, at time, zone text) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS 'SELECT (day + at) AT TIME ZONE zone';

-- The first instant after `after` at which a wall clock in `zone` shows `at` on one of `days` (1 is Monday).
CREATE FUNCTION next_local_time(after timestamptz, at time, days smallint[], zone text) RETURNS timestamptz
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT min(at_local_time(day, at, zone))
  FROM (SELECT (after AT TIME ZONE zone)::date + ahead AS day FROM generate_series(0, 8) AS ahead) AS days_ahead
  WHERE extract(isodow FROM day) = ANY (days) AND at_local_time(day, at, zone) > after $$;

-- `at`, or the next morning: a call that is planned for later than this might be made too late in the evening.
CREATE FUNCTION next_lawful_time(at timestamptz, zone text) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN local::time < '08:00' THEN at_local_time(local::date, '08:00', zone)
              WHEN local::time <= '20:30' THEN at
              ELSE at_local_time(local::date + 1, '08:00', zone) END
  FROM (SELECT at AT TIME ZONE zone AS local) AS clock $$;

-- Whether this database knows a place by that name. Nothing else of what AT TIME ZONE understands has a clock that
-- is right the whole year; and nobody lives in UTC, which is what systems say that were never told.
CREATE FUNCTION is_time_zone(zone text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF zone !~ '^([A-Z][A-Za-z_-]+(/[A-Z][A-Za-z_-]+){1,2})$' OR zone LIKE 'Etc/%' THEN RETURN false; END IF;
  PERFORM timestamptz 'epoch' AT TIME ZONE zone;
  RETURN true;
EXCEPTION WHEN invalid_parameter_value THEN RETURN false;
END $$;

-- The name of a place, if this database knows it. Zones move out of a server's list, and rows stay.
CREATE FUNCTION known_zone(zone text) RETURNS text LANGUAGE sql STABLE AS
  'SELECT CASE WHEN is_time_zone(zone) THEN zone END';

-- ---------------------------------------------------------------- the tables of the system that we replace

-- They stay whole under other names; their customers are adopted below.
DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['customers', 'call_queue'] LOOP
    IF to_regclass(name) IS NOT NULL THEN
      EXECUTE format('ALTER TABLE %I RENAME TO %I', name, 'legacy_' || name);
      RAISE NOTICE 'kept the old % table as legacy_%', name, name;
    END IF;
  END LOOP;
END $$;

-- ---------------------------------------------------------------- the operator's switches

-- One row.
CREATE TABLE calling (
  only_row        boolean PRIMARY KEY DEFAULT true CONSTRAINT there_is_one_row CHECK (only_row),
  -- Nobody is called until somebody has looked at who would be, and said so.
  paused          boolean NOT NULL DEFAULT true,
  -- Who paid before that gets no welcome call: they have been customers for long.
  welcome_since   timestamptz NOT NULL DEFAULT switchboard_now(),
  -- Calls that one run of the scheduler may create.
  per_tick        integer NOT NULL DEFAULT 200 CONSTRAINT a_tick_has_a_limit CHECK (per_tick BETWEEN 1 AND 10000),
  -- Calls at a time; Vapi allows ten unless told otherwise.
  at_a_time       integer NOT NULL DEFAULT 10 CONSTRAINT calls_at_a_time_are_limited CHECK (at_a_time BETWEEN 1 AND 1000),
  -- What has to be paid, in the currency's smallest unit; less, or other money, does not make a paying customer.
  price           bigint CONSTRAINT price_is_not_negative CHECK (price >= 0),
  currency        text CONSTRAINT currency_is_a_code CHECK (currency ~ '^[a-z]{3}$'),
  CONSTRAINT price_names_its_currency CHECK ((price IS NULL) = (currency IS NULL))
);
INSERT INTO calling DEFAULT VALUES;

-- ---------------------------------------------------------------- customers

CREATE TABLE customers (
  id                     text CONSTRAINT customers_key PRIMARY KEY
                              CONSTRAINT customer_id_is_short_and_plain CHECK (id ~ '^[A-Za-z0-9_.:-]{1,40}$'),
  name                   text CONSTRAINT name_is_short CHECK (length(name) <= 200),
  phone                  phone,
  phone_validated        boolean NOT NULL DEFAULT false,
  -- NULL when what we were told (timezone_given) is no place that we know: nobody is called on a guess.
  timezone               text CONSTRAINT timezone_is_a_place CHECK (is_time_zone(timezone)),
  timezone_given         text,
  -- The latest leaves time for the call before the evening's end.
  call_at                time NOT NULL DEFAULT '10:00'
    CONSTRAINT call_at_is_by_day CHECK (call_at BETWEEN '08:00' AND '20:30'),
  -- 1 is Monday.
  call_days              smallint[] NOT NULL DEFAULT '{1,2,3,4,5,6,7}'
    CONSTRAINT call_days_are_weekdays CHECK (call_days <@ '{1,2,3,4,5,6,7}' AND cardinality(call_days) BETWEEN 1 AND 7),
  -- What the payments below come to.
  payment_status         text NOT NULL DEFAULT 'Unpaid' CONSTRAINT payment_status_is_known
                              CHECK (payment_status IN ('Unpaid', 'Paid', 'Refunded', 'Disputed', 'Ended')),
  paid_at                timestamptz,
  -- When the shop told what, by its own clock: field and seconds since 1970. An older word changes nothing.
  told_at                jsonb NOT NULL DEFAULT '{}',
  call_status            text NOT NULL DEFAULT 'enabled'
    CONSTRAINT call_status_is_known CHECK (call_status IN ('enabled', 'disabled')),
  paused_until           timestamptz,
  -- What the ledger comes to.
  welcome_call_completed boolean NOT NULL DEFAULT false,
  last_call_date         date,
  -- When the scheduler looks at them next; NULL for somebody who cannot be called.
  next_call_scheduled_at timestamptz CONSTRAINT plan_is_a_moment CHECK (isfinite(next_call_scheduled_at)),
  created_at             timestamptz NOT NULL DEFAULT switchboard_now(),
  updated_at             timestamptz NOT NULL DEFAULT switchboard_now(),
  CONSTRAINT a_validated_phone_is_there CHECK (NOT phone_validated OR phone IS NOT NULL),
  CONSTRAINT paid_since_some_time CHECK (payment_status <> 'Paid' OR paid_at IS NOT NULL)
);
CREATE INDEX customers_due ON customers (next_call_scheduled_at) WHERE next_call_scheduled_at IS NOT NULL;
CREATE INDEX customers_by_phone ON customers (phone);

-- ---------------------------------------------------------------- what we were told of payments

-- Append only. What a customer's payments come to is computed from all of them, so that neither their order nor
-- their repetition matters.
CREATE TABLE payment_events (
  source      text NOT NULL CONSTRAINT payment_source_is_known CHECK (source IN ('stripe', 'shop', 'legacy')),
  id          text NOT NULL CONSTRAINT payment_event_has_an_id CHECK (id <> ''),
  kind        text NOT NULL,
  -- By the clock of whoever tells.
  created_at  timestamptz NOT NULL,
  effect      text NOT NULL CONSTRAINT payment_effect_is_known CHECK (effect IN
                ('paid', 'not_paid', 'refunded', 'partly_refunded', 'disputed', 'dispute_won', 'dispute_lost',
                 'ended', 'linked')),
  -- The object that it is about, then what that belongs to.
  object_ids  text[] NOT NULL CONSTRAINT payment_event_is_about_something CHECK (cardinality(object_ids) > 0),
  -- NULL until an event of the same purchase names somebody.
  customer_id text REFERENCES customers,
  amount      bigint,
  currency    text,
  -- Events that share an object, or share one with an event between them, are of one purchase: a single payment, or
  -- a subscription with all of its invoices.
  purchase    bigint NOT NULL,
  -- Less than the price of the moment at which it came. It counts all the same if the price has come down to it since.
  is_short    boolean NOT NULL DEFAULT false,
  received_at timestamptz NOT NULL DEFAULT switchboard_now(),
  CONSTRAINT one_row_per_payment_event PRIMARY KEY (source, id)
);
CREATE SEQUENCE purchases OWNED BY payment_events.purchase;
CREATE INDEX payment_events_by_object ON payment_events USING gin (object_ids);
CREATE INDEX payment_events_by_purchase ON payment_events (purchase);
CREATE INDEX payment_events_by_customer ON payment_events (customer_id);

-- Whether less than the price was paid, or other money. A shop has its own price.
CREATE FUNCTION is_less_than_the_price(event payment_events) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT event.effect = 'paid' AND event.source = 'stripe' AND event.amount IS NOT NULL AND price IS NOT NULL
         AND (event.amount < price OR event.currency IS DISTINCT FROM currency)
  FROM calling $$;

-- What somebody's payments come to, and since when they pay.
--
-- In a purchase the newest event counts, and at the same second what takes the money back. Whoever has one purchase
-- that is paid for is paid. An end of something that nobody told us the beginning of ends all that was paid before.
CREATE FUNCTION payment_standing(customer text, OUT payment_status text, OUT paid_at timestamptz) LANGUAGE sql STABLE AS $$
  WITH counted AS (
    SELECT event.purchase, event.effect, event.created_at,
           event.kind = 'customer.subscription.deleted' AS is_for_good,
           EXISTS (SELECT FROM payment_events AS start WHERE start.purchase = event.purchase AND start.effect = 'paid') AS began
    FROM payment_events AS event
    WHERE event.customer_id = customer
      -- A payment that failed undoes none; a shop's word on its customer is one on all of their payments.
      AND (event.effect IN ('paid', 'refunded', 'disputed', 'dispute_lost', 'ended')
           OR event.effect = 'not_paid' AND event.source = 'shop')
      AND NOT (event.is_short AND is_less_than_the_price(event))
      -- A dispute that was won never was one.
      AND NOT (event.effect = 'disputed' AND EXISTS (
            SELECT FROM payment_events AS won
            WHERE won.purchase = event.purchase AND won.effect = 'dispute_won' AND won.object_ids[1] = event.object_ids[1]))
  ),
  newest AS (
    SELECT DISTINCT ON (purchase) effect, created_at, began
    FROM counted
    -- A subscription that was cancelled is paid to its end and begins no more. Of one second's events always the same
    -- one, whatever order they came in.
    ORDER BY purchase, is_for_good DESC, created_at DESC, effect = 'paid', effect COLLATE "C" DESC
  ),
  standing AS (
    SELECT effect FROM newest
    ORDER BY effect = 'paid' AND created_at > coalesce((SELECT max(created_at) FROM newest WHERE NOT began), '-infinity') DESC,
             effect = 'paid', created_at DESC, effect COLLATE "C" DESC
    LIMIT 1
  )
  SELECT coalesce((SELECT CASE effect WHEN 'paid' THEN 'Paid' WHEN 'disputed' THEN 'Disputed' WHEN 'ended' THEN 'Ended'
                                      WHEN 'not_paid' THEN 'Unpaid' ELSE 'Refunded' END FROM standing), 'Unpaid'),
         (SELECT min(counted.created_at) FROM counted WHERE effect = 'paid') $$;

CREATE FUNCTION join_purchase() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE joined bigint[]; named text[];
BEGIN
  -- One at a time: two events of one purchase that do not see each other would become two purchases.
  PERFORM pg_advisory_xact_lock(hashtext('payment_events'));
  IF EXISTS (SELECT FROM payment_events WHERE source = NEW.source AND id = NEW.id) THEN RETURN NULL; END IF;

  NEW.is_short := is_less_than_the_price(NEW);
  SELECT array_agg(DISTINCT purchase) INTO joined
    FROM payment_events WHERE source = NEW.source AND object_ids && NEW.object_ids;
  NEW.purchase := coalesce((SELECT min(purchase) FROM unnest(joined) AS purchase), nextval('purchases'));
  UPDATE payment_events SET purchase = NEW.purchase WHERE purchase = ANY (joined) AND purchase <> NEW.purchase;

  SELECT array_agg(DISTINCT customer_id) INTO named
    FROM (SELECT customer_id FROM payment_events WHERE purchase = NEW.purchase UNION SELECT NEW.customer_id) AS everybody
    WHERE customer_id IS NOT NULL;
  -- A purchase of two customers is nobody's to guess.
  IF cardinality(named) = 1 THEN
    NEW.customer_id := named[1];
    UPDATE payment_events SET customer_id = NEW.customer_id WHERE purchase = NEW.purchase AND customer_id IS NULL;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER join_purchase BEFORE INSERT ON payment_events FOR EACH ROW EXECUTE FUNCTION join_purchase();

CREATE FUNCTION project_payment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE customers
  SET payment_status = standing.payment_status, paid_at = standing.paid_at, updated_at = switchboard_now()
  -- Where one event makes one purchase of two customers', both are concerned.
  FROM (SELECT DISTINCT customer_id AS id FROM payment_events WHERE purchase = NEW.purchase) AS concerned
  CROSS JOIN LATERAL payment_standing(concerned.id) AS standing
  WHERE customers.id = concerned.id
    AND (customers.payment_status, customers.paid_at) IS DISTINCT FROM (standing.payment_status, standing.paid_at);
  RETURN NULL;
END $$;
CREATE TRIGGER project_payment AFTER INSERT ON payment_events FOR EACH ROW EXECUTE FUNCTION project_payment();

CREATE TRIGGER keep_payment_events BEFORE DELETE OR TRUNCATE ON payment_events EXECUTE FUNCTION refuse_removal();
REVOKE EXECUTE ON FUNCTION join_purchase(), project_payment() FROM PUBLIC;

-- ---------------------------------------------------------------- the application's role

GRANT SELECT ON calling, customers, payment_events TO switchboard_app;
GRANT INSERT (id, name, phone, phone_validated, timezone, timezone_given, call_at, call_days, told_at),
      UPDATE (name, phone, phone_validated, timezone, timezone_given, call_at, call_days, told_at,
              welcome_call_completed, last_call_date, next_call_scheduled_at, updated_at) ON customers TO switchboard_app;
GRANT INSERT (source, id, kind, created_at, effect, object_ids, customer_id, amount, currency) ON payment_events TO switchboard_app;
