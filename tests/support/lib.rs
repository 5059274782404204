//! What the system tests share: a world with people in it, on real components.

mod binaries;
mod cutter;
mod database;
mod fake_twilio;
mod moto;
mod postgres_proxy;
mod requests;
mod switch;
mod wire;
mod world;

pub use binaries::{binary, real, real_within};
pub use cutter::{Caught, Cutter, boundaries, error_answer};
pub use database::{TestDatabase, durable_server, server};
pub use fake_twilio::{FakeTwilio, Says};
pub use moto::Moto;
pub use postgres_proxy::{Pause, Position, PostgresProxy, StopAt};
pub use requests::{DIAL_RESULT, FORM, Reply, SHOP, SMS, STATUS, STRIPE, VAPI, VOICE, WHATSAPP, form};
pub use switch::{Switch, Wire};
pub use world::{
    CALLER, CRON_SECRET, JOB_RUNNER_TOKEN, LINE, OWNER, SHOP_SECRET, STRIPE_SECRET, WHATSAPP_NUMBER,
    WHATSAPP_SECRET, WHATSAPP_TOKEN, World,
};
