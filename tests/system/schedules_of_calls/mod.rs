//! Who is called when: once to be welcomed, then once a day, at the hour that they chose, on their own clock.
//!
//! Nobody is called from here. What is seen is the job, with the bell that rings for it.

mod changing_clocks;
mod doorbells_and_doors;
mod every_day;
mod missed_ticks;
mod old_wounds;
mod switches;
mod welcome;

use serde_json::Value;
use system_tests::World;

const EDMONTON: &str = "America/Edmonton";
const NEW_YORK: &str = "America/New_York";

/// A business whose customers are called.
struct Shop {
    world: World,
}

impl Shop {
    /// Since the first of June who pays is welcomed. It is the tenth, a Wednesday.
    async fn open() -> Self {
        let shop = Self::of(World::begin().await);
        shop.sql("UPDATE calling SET paused = false, welcome_since = '2026-06-01'")
            .await;
        shop
    }

    fn of(world: World) -> Self {
        Self { world }
    }

    async fn sql(&self, statements: &str) {
        self.world.database.sql(statements).await;
    }

    async fn one(&self, query: &str) -> String {
        self.world.database.one(query).await.unwrap_or_default()
    }

    /// Makes it this moment.
    async fn at(&self, moment: &str) {
        self.sql(&format!("UPDATE stopped_clock SET at = '{moment}'"))
            .await;
    }

    /// Somebody who has paid for nothing yet.
    async fn customer(&self, id: &str, zone: &str, call_at: &str) {
        let number = self.world.count("customers").await;
        self.sql(&format!(
            "INSERT INTO customers (id, phone, phone_validated, timezone, call_at)
             VALUES ('{id}', '+1403555{number:04}', true, '{zone}', '{call_at}')"
        ))
        .await;
    }

    async fn paid(&self, id: &str, at: &str) {
        self.sql(&format!(
            "INSERT INTO payment_events (source, id, kind, created_at, effect, object_ids, customer_id)
             VALUES ('shop', 'paid {id}', 'paid', '{at}', 'paid', ARRAY['{id}'], '{id}')"
        ))
        .await;
    }

    /// Somebody who has been a customer for so long that nobody welcomes them.
    async fn old_customer(&self, id: &str, zone: &str, call_at: &str) {
        self.customer(id, zone, call_at).await;
        self.paid(id, "2026-05-01").await;
    }

    async fn tick(&self) -> Value {
        let answer = self.world.tick("call-scheduler").await;
        assert_eq!(answer["ok"], true, "{answer}");
        answer
    }

    /// The time, and then a tick.
    async fn tick_at(&self, moment: &str) -> Value {
        self.at(moment).await;
        self.tick().await
    }

    /// Somebody's jobs in order: kind, day, state, reason.
    async fn calls_of(&self, id: &str) -> String {
        self.one(&format!(
            "SELECT string_agg(concat_ws(' ', kind, local_day, state, state_reason), ', ' ORDER BY caused_at)
             FROM jobs WHERE customer_id = '{id}'"
        ))
        .await
    }

    /// What the runner leaves behind when it has placed somebody's call.
    async fn placed(&self, id: &str) {
        self.sql(&format!(
            "UPDATE customers SET last_call_date = (switchboard_now() AT TIME ZONE timezone)::date,
                                  welcome_call_completed = welcome_call_completed OR job.kind = 'welcome_call'
             FROM jobs AS job WHERE job.customer_id = customers.id AND job.state = 'pending' AND customers.id = '{id}';
             UPDATE jobs SET state = 'accepted', ended_at = switchboard_now()
             WHERE customer_id = '{id}' AND state = 'pending'"
        ))
        .await;
    }

    /// When the scheduler looks at somebody next, in UTC.
    async fn plan_of(&self, id: &str) -> String {
        self.one(&format!(
            "SELECT to_char(next_call_scheduled_at AT TIME ZONE 'UTC', 'MM-DD HH24:MI') FROM customers WHERE id = '{id}'"
        ))
        .await
    }
}

/// Old customers who are all due at ten in Edmonton.
async fn crowd(shop: &Shop, people: u32) {
    shop.sql(&format!(
        "INSERT INTO customers (id, phone, phone_validated, timezone)
         SELECT 'c' || n, '+1403555' || lpad(n::text, 4, '0'), true, '{EDMONTON}' FROM generate_series(1, {people}) AS n;
         INSERT INTO payment_events (source, id, kind, created_at, effect, object_ids, customer_id)
         SELECT 'shop', id, 'paid', '2026-05-01', 'paid', ARRAY[id], id FROM customers"
    ))
    .await;
}
