//! How it is played, and what is told of it.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use anyhow::{Context, bail};
use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio_postgres::types::Type;

use super::cast::{cast, change_in, zone};
use super::{Called, Customers, Journey, Manners, Payment, Promise, Reader, Week};
use crate::sandbox_stripe::{Happening, Payer};
use crate::sandbox_vapi::{Behaviour, Call};
use crate::time_machine::{TimeMachine, Traveller};

/// Within them the first of the calls are made.
const PREFLIGHT_HOURS: u32 = 24;

impl Customers {
    /// Lets somebody pay, or take their money back, and tells what follows for their calls.
    pub(super) async fn pay(&self, payment: &Payment, reader: &Reader) -> anyhow::Result<()> {
        let Payment { payer, what } = payment;
        for line in self.tell_stripes(payer, *what).await? {
            reader.say(line);
        }
        let preview = ops::preview(&self.database, &payer.id).await?;
        let preview = preview.with_context(|| format!("there is no customer {} after that", payer.id))?;
        reader.say("What follows (ops preview):");
        reader.say_all(preview);
        Ok(())
    }

    /// What Stripe tells, a line each.
    async fn tell_stripes(&self, payer: &Payer, what: Happening) -> anyhow::Result<Vec<String>> {
        let events = self.stripe.tell(payer, what).await?;
        let line = |event: crate::sandbox_stripe::Told| {
            format!("→  Stripe tells {}: answered {}", event.kind, event.delivery)
        };
        Ok(events.into_iter().map(line).collect())
    }

    fn time(&self) -> anyhow::Result<&TimeMachine> {
        self.time.as_ref().context(
            "the clock can only be moved where everybody has it: with a private database, and sandboxes for every provider",
        )
    }

    /// Lets time pass, and tells of the calls that are made.
    pub(super) async fn travel(&self, journey: Journey, reader: &Reader) -> anyhow::Result<()> {
        let time = self.time()?;
        let traveller = time.traveller()?;
        let from = time.clock.now();
        let to = match journey {
            Journey::For(length) => from.checked_add(length).context("that is too far")?,
            Journey::Until(moment) => moment,
        };
        reader.say(format!("The stack's clock shows {}", utc(from)));
        self.pass(time, &traveller, to, reader).await?;
        reader.say(ahead(time));
        Ok(())
    }

    /// Moves the clock; whoever is called on the way is named.
    async fn pass(
        &self,
        time: &TimeMachine,
        traveller: &Traveller<'_>,
        to: Timestamp,
        reader: &Reader,
    ) -> anyhow::Result<()> {
        let (from, began) = (time.clock.now(), Instant::now());
        let zones = self.zones().await?;
        let calls = || {
            time.vapi
                .calls()
                .into_iter()
                .filter(|call| call.ended_at.is_some())
        };
        let mut known: HashSet<String> = calls().map(|call| call.id).collect();
        let journey = traveller
            .travel(to, || {
                for call in calls() {
                    if known.insert(call.id.clone()) {
                        reader.say(format!("  {}", told_call(&call, &zones)));
                    }
                }
                reader.is_there()
            })
            .await?;
        if !journey.arrived {
            bail!("nobody listens any more");
        }
        reader.say(format!(
            "{:#} passed in {:.1} s, in {} leaps.",
            whole(to.duration_since(from)),
            began.elapsed().as_secs_f64(),
            journey.leaps
        ));
        Ok(())
    }

    /// Everybody's clock.
    async fn zones(&self) -> anyhow::Result<HashMap<String, TimeZone>> {
        let zones = "SELECT id, timezone FROM customers WHERE timezone IS NOT NULL";
        let zones = self.database.query_typed(zones, &[]).await?;
        Ok(zones
            .iter()
            .filter_map(|row| Some((row.get("id"), zone(row.get("timezone"))?)))
            .collect())
    }

    /// Lets people pay, shows who would be called, lets them be called, and judges a week of it by Vapi's record.
    pub(super) async fn week(&self, week: Week, reader: &Reader) -> anyhow::Result<()> {
        let time = self.time()?;
        let traveller = time.traveller()?;
        let from = time.clock.now();
        let to = from + SignedDuration::from_hours(24 * i64::from(week.days));
        reader.say(format!(
            "The stack's clock shows {}. Three people pay.",
            utc(from)
        ));
        let cast = cast(from, to).into_iter();
        // Whoever has subscribed before wants what they wanted then.
        let cast: Vec<Payer> = cast
            .map(|payer| self.stripe.subscriber(&payer.id).unwrap_or(payer))
            .collect();
        let mut promises = Vec::new();
        for payer in &cast {
            promises.push((payer, self.promise(payer, from, to).await?));
            self.is_cast(payer, from, to, reader).await?;
        }

        reader.say(format!("\nops preflight --hours {PREFLIGHT_HOURS}"));
        let preflight = ops::preflight(&self.database, PREFLIGHT_HOURS, None).await?;
        reader.say_all(preflight.lines());
        if preflight.is_paused {
            reader.say("ops resume");
            reader.say_all([ops::resume_all(&self.database, None).await?]);
        }

        reader.say(
            "\nTime passes. What is real: the functions, their SQL, HTTP and signatures. What is moved: the clock of all of\n\
             them, from one moment at which something is due to the next. The calls, each on its customer's clock:",
        );
        time.vapi.on_every_send(match week.vapi {
            Manners::Works => Behaviour::Accept,
            Manners::LosesAnswers => Behaviour::AcceptThenReset,
            Manners::Refuses => Behaviour::refuse(429, "Too many requests"),
        });
        let passed = self.pass(time, &traveller, to, reader).await;
        time.vapi.on_every_send(Behaviour::Accept);
        passed?;

        reader.say("\nBy Vapi's own record:");
        let mut is_kept = true;
        for (payer, promise) in &promises {
            let (mark, verdict) = match promise.judge(&called(time, payer)) {
                Ok(kept) => ("✓", kept),
                Err(broken) => ("✗", broken),
            };
            is_kept &= mark == "✓";
            reader.say(format!(
                "  {mark} {:<5} {:<18} {verdict}",
                payer.id, payer.timezone
            ));
        }
        let (first, promise) = promises.first().context("somebody pays")?;
        self.explain(first, promise, reader).await?;
        reader.say(format!(
            "\nAsk more: DIRECT_URL={} make ops ARGS=\"preview {}\"\n{}",
            self.database_url,
            first.id,
            ahead(time)
        ));
        if !is_kept {
            bail!("somebody was not called as promised; ops why says why");
        }
        Ok(())
    }

    /// What somebody is promised who pays now.
    async fn promise(&self, payer: &Payer, from: Timestamp, to: Timestamp) -> anyhow::Result<Promise> {
        let was_welcomed = "SELECT EXISTS (SELECT FROM jobs WHERE kind = 'welcome_call' AND customer_id = $1) AS was_welcomed";
        let row = self
            .database
            .query_typed_one(was_welcomed, &[(&payer.id, Type::TEXT)])
            .await?;
        Ok(Promise {
            zone: zone(&payer.timezone).context("everybody has a clock")?,
            call_at: payer.call_at.parse::<Time>()?,
            is_new: !row.get::<_, bool>("was_welcomed"),
            from,
            to,
        })
    }

    async fn is_cast(
        &self,
        payer: &Payer,
        from: Timestamp,
        to: Timestamp,
        reader: &Reader,
    ) -> anyhow::Result<()> {
        let zone = zone(&payer.timezone).context("everybody has a clock")?;
        let now = from.to_zoned(zone.clone());
        let how = if self.stripe.subscriber(&payer.id).is_some() {
            "pays the next invoice"
        } else {
            "subscribes"
        };
        reader.say(format!(
            "\n{}, {}, where it is {}, wants to be called at {} and {how}:",
            payer.id,
            payer.timezone,
            now.strftime("%a %H:%M"),
            payer.call_at
        ));
        if let Some(change) = change_in(&zone, from, to) {
            let day = change.at.to_zoned(zone).strftime("%a %d %b");
            let how = if change.by.is_negative() {
                "back"
            } else {
                "forward"
            };
            reader.say(format!("   (clocks there are put {how} on {day})"));
        }
        for line in self.tell_stripes(payer, Happening::Pay).await? {
            reader.say(format!("  {line}"));
        }
        Ok(())
    }

    /// What an operator would be told of the middle of the week, and of what comes.
    async fn explain(&self, payer: &Payer, promise: &Promise, reader: &Reader) -> anyhow::Result<()> {
        let middle = promise.from + promise.to.duration_since(promise.from) / 2;
        let day = middle.to_zoned(promise.zone.clone()).date();
        reader.say(format!("\nops why {} {day}", payer.id));
        reader.say_all(ops::why(&self.database, &payer.id, Some(day)).await?);
        reader.say(format!("ops preview {}", payer.id));
        let preview = ops::preview(&self.database, &payer.id).await?.unwrap_or_default();
        reader.say_all(preview.into_iter().take(3));
        Ok(())
    }
}

/// A call as Vapi has it, by the clock of whom it reached.
fn told_call(call: &Call, zones: &HashMap<String, TimeZone>) -> String {
    let id = call.customer_id.as_deref().unwrap_or("nobody");
    let at = call
        .created_at
        .to_zoned(zones.get(id).cloned().unwrap_or(TimeZone::UTC));
    let end = call.ended_reason.as_deref().unwrap_or(&call.status);
    let (at, kind) = (at.strftime("%a %d %b %H:%M %Z").to_string(), kind(call));
    format!("{id:<5} {at:<22} {kind:<8} {end}")
}

/// `welcome` or `daily`, as the assistant was told.
fn kind(call: &Call) -> &str {
    let told = call.overrides.pointer("/variableValues/call_type");
    told.and_then(|kind| kind.as_str()).unwrap_or("call")
}

/// Every call that somebody ever had, by Vapi's record.
fn called(time: &TimeMachine, payer: &Payer) -> Vec<Called> {
    let calls = time.vapi.calls_to(&payer.phone);
    let called = calls.iter().map(|call| Called {
        at: call.created_at,
        is_welcome: kind(call) == "welcome",
    });
    called.collect()
}

fn utc(moment: Timestamp) -> String {
    moment.strftime("%a %d %b %Y %H:%M UTC").to_string()
}

fn ahead(time: &TimeMachine) -> String {
    format!(
        "The stack's clock shows {} now, {:#} ahead of this machine's, and stays ahead until `make forget`.",
        utc(time.clock.now()),
        whole(time.clock.ahead())
    )
}

/// To the minute, with days.
fn whole(length: SignedDuration) -> jiff::Span {
    let minutes = (length + SignedDuration::from_secs(30)).as_mins();
    jiff::Span::new()
        .days(minutes / (24 * 60))
        .hours(minutes / 60 % 24)
        .minutes(minutes % 60)
}
