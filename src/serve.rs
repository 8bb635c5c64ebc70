//! The blog post's web application: users from MySQL through the library's cache, with a page that
//! shows live what the cache does. It uses the library's public face alone.

mod app;
mod http;
mod live;
mod metrics;
mod request;
mod server;
mod users;

pub(crate) use app::{App, Power, Setup};
pub(crate) use server::{Listener, serve};
pub(crate) use users::UserTable;
