//! Looks up what the views behind a query call, before the server explains the query: EXPLAIN may
//! already run a function.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context, anyhow};

use crate::answer::{Answer, Cell};
use crate::db::rows::RowConnection;
use crate::paths::query::Query as _;
use crate::paths::query::own::{OwnQuery, OwnReader, Protocol, ReadLimits};
use crate::query::parameters::collect::{Collector, Sampling};
use crate::query::parameters::value::Value;
use crate::query::refused::Refused;
use crate::query::statement::Statement;
use crate::query::views::{self, Name};
use crate::servers::Servers;

/// Names that are looked up with one statement.
const NAMES: usize = 1_000;

/// A view that was found.
struct View {
    name: Name,
    /// Empty without the right to see it.
    definition: String,
}

/// Refuses a statement that reads a view that calls a stored function, directly or through other
/// views.
pub(super) fn check(servers: &Servers, statement: &Statement, limits: ReadLimits) -> anyhow::Result<()> {
    let database = &servers.mysql()?.database;
    let mut wanted: BTreeSet<Name> = views::names(statement.text(), database)?.into_iter().collect();
    let mut known = wanted.clone();
    while !wanted.is_empty() {
        let names: Vec<Name> = std::mem::take(&mut wanted).into_iter().collect();
        for names in names.chunks(NAMES) {
            for view in find(servers, names, limits).context("looking for views")? {
                for name in named_by(&view)? {
                    if known.insert(name.clone()) {
                        wanted.insert(name);
                    }
                }
            }
        }
    }
    Ok(())
}

/// The tables that a view names, if it calls nothing but the servers' own functions.
fn named_by(view: &View) -> anyhow::Result<Vec<Name>> {
    let Name { database, name } = &view.name;
    let refused = |reason: Refused| anyhow!(reason).context(format!("view {database}.{name}"));
    if view.definition.is_empty() {
        return Err(anyhow!(
            "view {database}.{name}: its definition cannot be seen, and what it calls could do anything\n  give the account \
             the right:  GRANT SHOW VIEW ON `{database}`.`{name}` TO …"
        ));
    }
    views::check(&view.definition).map_err(refused)?;
    views::names(&view.definition, database).map_err(refused)
}

fn find(servers: &Servers, names: &[Name], limits: ReadLimits) -> anyhow::Result<Vec<View>> {
    let unique: BTreeSet<&str> = names.iter().map(|name| name.name.as_str()).collect();
    let marks = vec!["?"; unique.len()].join(", ");
    let text = include_str!("../../sql/select_views.sql").replace("/* names */", &marks);
    let mut set = Collector::new(unique.len(), Sampling { at_most: 1, seed: 0 });
    set.add(unique.into_iter().map(|name| Value::Text(name.to_owned())).collect())?;
    let name = ("views".to_owned(), servers.mysql()?.database.clone());
    let query = OwnQuery::new(name, Statement::parse(&text)?, set.finish(), Protocol::Prepared, limits);
    let query = Arc::new(query);
    let mut conn: RowConnection = OwnReader::open(servers.mysql()?, &query)?;
    let mut reader = OwnReader::prepare(&mut conn, &query)?;
    let answer = reader.load(&mut conn, 1)?;
    let is_named = |view: &View| {
        names.iter().any(|name| {
            name.name.eq_ignore_ascii_case(&view.name.name)
                && name.database.eq_ignore_ascii_case(&view.name.database)
        })
    };
    Ok((0..answer.rows()).map(|row| view(&answer, row)).filter(is_named).collect())
}

fn view(answer: &Answer, row: usize) -> View {
    let text = |column| match answer.cell(row, column) {
        Some(Cell::Text(text)) => text.to_owned(),
        Some(Cell::Bytes(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    };
    View { name: Name { database: text(0), name: text(1) }, definition: text(2) }
}
