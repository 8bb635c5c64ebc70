//! `bench --query`: from what was typed to queries that can be measured, and what can be known
//! before the first read.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};

use super::own_query::Prepared;
use super::views;
use crate::answer::{Answer, Cell};
use crate::cli::{self, OwnQueryArgs, QueryArgs};
use crate::interrupt;
use crate::model::{StatementKind, UsageError};
use crate::paths::query::own::{OwnQuery, OwnReader, Protocol, ReadLimits};
use crate::paths::query::{Query as _, Workload};
use crate::plain_text::NotText;
use crate::query::parameters::Parameters;
use crate::query::parameters::collect::{Collector, Sampling};
use crate::query::parameters::source::Source;
use crate::query::parameters::value::Value;
use crate::query::statement::Statement;
use crate::run_file::own::ExplainStep;
use crate::servers::Servers;
use crate::units;

/// A longer file is no statement of a person.
const LONGEST_STATEMENT: u64 = 1 << 20;
/// Sets of parameters that are kept, each of which is a key.
const MOST_SETS: usize = 1_000_000;

/// A query as it was typed.
pub(crate) struct Typed {
    pub(crate) name: String,
    statement: Statement,
    parameters: TypedParameters,
    protocol: Protocol,
    limits: ReadLimits,
}

enum TypedParameters {
    None,
    From(Source),
    Query(Box<Statement>),
}

/// The queries of a bench.
pub(crate) fn typed(arguments: &OwnQueryArgs, runs: u16) -> Result<Vec<Typed>, UsageError> {
    let typed = queries(&arguments.asked, runs)?;
    let options = [
        ("--dry-run", arguments.dry_run),
        ("--keep", arguments.keep),
        ("--share", arguments.share.is_some()),
    ];
    if typed.is_empty() { without_query(&options).map(|()| typed) } else { Ok(typed) }
}

/// The queries of the command line.
pub(crate) fn queries(arguments: &QueryArgs, runs: u16) -> Result<Vec<Typed>, UsageError> {
    let texts = texts(arguments)?;
    if texts.is_empty() {
        let options = [
            ("--name", !arguments.name.is_empty()),
            ("--params", !arguments.params.is_empty()),
            ("--params-query", !arguments.params_query.is_empty()),
        ];
        return without_query(&options).map(|()| Vec::new());
    }
    let names = names(&texts, &arguments.name)?;
    let mut statements = Vec::new();
    for (origin, text, _) in &texts {
        let statement =
            Statement::parse(text).map_err(|refused| UsageError(format!("{origin}: {refused}")))?;
        statements.push(statement);
    }
    let parameters = parameters(&statements, arguments, runs)?;
    let protocol = match arguments.statement {
        StatementKind::Prepared => Protocol::Prepared,
        StatementKind::Text => Protocol::Text,
    };
    let limits = ReadLimits { time: arguments.query_timeout, answer_bytes: arguments.max_answer };
    let queries = names.into_iter().zip(statements).zip(parameters);
    Ok(queries
        .map(|((name, statement), parameters)| Typed { name, statement, parameters, protocol, limits })
        .collect())
}

/// Refuses options that say something about a query, without one.
fn without_query(options: &[(&str, bool)]) -> Result<(), UsageError> {
    match options.iter().find(|(_, is_given)| *is_given) {
        Some((option, _)) => {
            Err(UsageError(format!("{option} is for a query of your own; give --query or --query-file")))
        }
        None => Ok(()),
    }
}

/// The origin of each statement, its text, and its default name.
fn texts(arguments: &QueryArgs) -> Result<Vec<(String, String, String)>, UsageError> {
    let typed =
        arguments.query.iter().map(|text| Ok(("--query".to_owned(), text.clone(), "query".to_owned())));
    let files = arguments.query_file.iter().map(|path| {
        let text = statement_in(path)
            .map_err(|reason| UsageError(format!("--query-file {}: {reason}", path.display())))?;
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let plain: String = stem.chars().map(|c| if is_of_name(c) { c } else { '_' }).take(40).collect();
        let name = if plain.is_empty() || is_built_in(&plain) { format!("query_{plain}") } else { plain };
        Ok((path.display().to_string(), text, name))
    });
    typed.chain(files).collect()
}

fn statement_in(path: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => "the file does not exist".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a folder, not a file".to_owned(),
        _ => format!("it cannot be read: {error}"),
    };
    let mut bytes = Vec::new();
    let file = interrupt::open(path).map_err(unreadable)?;
    file.take(LONGEST_STATEMENT + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LONGEST_STATEMENT {
        return Err("it is longer than 1 MiB, and a single SELECT is not".to_owned());
    }
    match NotText::recognise(&bytes) {
        Some(NotText::Compressed { kind, tool }) => {
            return Err(format!("it is compressed ({kind})\n  decompress it: {tool} FILE > QUERY.sql"));
        }
        Some(NotText::Utf16) => {
            return Err("it is UTF-16\n  convert it: iconv -f UTF-16 -t UTF-8 FILE > QUERY.sql".to_owned());
        }
        None => {}
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    String::from_utf8(bytes.to_vec())
        .map_err(|_| "it is not UTF-8\n  convert it: iconv -f latin1 -t utf-8 FILE".to_owned())
}

fn is_of_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_' || character == '-'
}

fn is_built_in(name: &str) -> bool {
    use clap::ValueEnum as _;
    Workload::value_variants().iter().any(|workload| workload.name() == name)
}

fn names(texts: &[(String, String, String)], typed: &[String]) -> Result<Vec<String>, UsageError> {
    if typed.len() > texts.len() {
        let queries = units::counted(texts.len() as u64, "query", "queries");
        return Err(UsageError(format!(
            "--name is given {} for {queries}",
            units::counted(typed.len() as u64, "time", "times")
        )));
    }
    for name in typed {
        if name.is_empty() || name.len() > 40 || !name.chars().all(is_of_name) {
            let message = "--name: use up to 40 letters, digits, - and _, so that --assert can name it";
            return Err(UsageError(message.to_owned()));
        }
        if is_built_in(name) {
            return Err(UsageError(format!("--name {name}: a built-in workload is called so")));
        }
    }
    let mut names: Vec<String> = Vec::new();
    for (index, (_, _, usual)) in texts.iter().enumerate() {
        match typed.get(index) {
            Some(name) if names.contains(name) => {
                return Err(UsageError(format!("--name {name} is given twice")));
            }
            Some(name) => names.push(name.clone()),
            None => {
                let numbered = (2..).map(|number| format!("{usual}-{number}"));
                let free = std::iter::once(usual.clone())
                    .chain(numbered)
                    .find(|name| !names.contains(name) && !typed.contains(name));
                names.extend(free);
            }
        }
    }
    Ok(names)
}

/// The origin of the parameters of each statement.
fn parameters(
    statements: &[Statement],
    arguments: &QueryArgs,
    runs: u16,
) -> Result<Vec<TypedParameters>, UsageError> {
    let mut given = Vec::new();
    for text in &arguments.params {
        let source = Source::parse(text).map_err(|error| UsageError(format!("--params: {error:#}")))?;
        if source == Source::Stdin && runs > 1 {
            let message =
                "--params -: stdin can be read once, and --runs starts several processes; name a file";
            return Err(UsageError(message.to_owned()));
        }
        given.push(TypedParameters::From(source));
    }
    for text in &arguments.params_query {
        let statement =
            Statement::parse(text).map_err(|refused| UsageError(format!("--params-query: {refused}")))?;
        if statement.parameters() > 0 {
            return Err(UsageError("--params-query: it holds a ?, and has no parameters itself".to_owned()));
        }
        given.push(TypedParameters::Query(Box::new(statement)));
    }
    let wanting = statements.iter().filter(|statement| statement.parameters() > 0).count();
    match (given.len(), wanting) {
        (0, 0) => Ok(statements.iter().map(|_| TypedParameters::None).collect()),
        (0, _) => Err(UsageError(
            "the statement has parameters (?); say which: --params 1..50000, --params FILE, or --params-query SQL"
                .to_owned(),
        )),
        (_, 0) => Err(UsageError(
            "the statement has no ? to put parameters in; leave --params out, or write ? in place of a literal"
                .to_owned(),
        )),
        (1, _) => Ok(statements.iter().map(|statement| one_for_all(statement, &given)).collect()),
        (count, wanting) if count == wanting => {
            let mut given = given.into_iter();
            let own = |statement: &Statement| match statement.parameters() {
                0 => TypedParameters::None,
                _ => given.next().unwrap_or(TypedParameters::None),
            };
            Ok(statements.iter().map(own).collect())
        }
        (count, wanting) => Err(UsageError(format!(
            "parameters are given {} for {}; give them once for all, or once for each",
            units::counted(count as u64, "time", "times"),
            units::counted(wanting as u64, "query", "queries")
        ))),
    }
}

fn one_for_all(statement: &Statement, given: &[TypedParameters]) -> TypedParameters {
    match given.first().filter(|_| statement.parameters() > 0) {
        Some(TypedParameters::From(source)) => TypedParameters::From(source.clone()),
        Some(TypedParameters::Query(statement)) => TypedParameters::Query(statement.clone()),
        Some(TypedParameters::None) | None => TypedParameters::None,
    }
}

impl Typed {
    /// Reads the parameters, and has the server prepare and explain the statement.
    pub(crate) fn prepare(&self, servers: &Servers, rng_seed: u64) -> anyhow::Result<Prepared> {
        let wrong = || format!("query {}", self.name);
        let parameters = self.read_parameters(servers, rng_seed).with_context(wrong)?;
        let query = Arc::new(OwnQuery::new(
            (self.name.clone(), servers.mysql()?.database.clone()),
            self.statement.clone(),
            parameters,
            self.protocol,
            self.limits,
        ));
        views::check(servers, &self.statement, self.limits).with_context(wrong)?;
        let mut conn = OwnReader::open(servers.mysql()?, &query)?;
        let reader = OwnReader::prepare(&mut conn, &query).with_context(wrong)?;
        let columns = reader.columns().with_context(wrong)?;
        let explain = reader.explain(&mut conn).map(|answer| steps(&answer)).unwrap_or_default();
        let row_bytes = reader.row_bytes();
        Ok(Prepared { query, explain, columns: columns as u64, row_bytes })
    }

    fn read_parameters(&self, servers: &Servers, rng_seed: u64) -> anyhow::Result<Parameters> {
        let sampling = Sampling { at_most: MOST_SETS, seed: rng_seed };
        let count = self.statement.parameters();
        match &self.parameters {
            TypedParameters::None => Ok(Parameters::none()),
            TypedParameters::From(source) => Ok(Parameters::read(source, count, sampling)?),
            TypedParameters::Query(statement) => {
                let limits = self.limits;
                let name = ("--params-query".to_owned(), servers.mysql()?.database.clone());
                let none = Parameters::none();
                let query = OwnQuery::new(name, (**statement).clone(), none, Protocol::Prepared, limits);
                let query = Arc::new(query);
                views::check(servers, statement, limits).context("--params-query")?;
                let mut conn = OwnReader::open(servers.mysql()?, &query)?;
                let mut reader = OwnReader::prepare(&mut conn, &query).context("--params-query")?;
                reader.columns().context("--params-query")?;
                let answer = reader.load(&mut conn, 1).context("--params-query")?;
                sets(&answer, count, sampling)
            }
        }
    }
}

/// The rows of an answer as sets of parameters.
fn sets(answer: &Answer, count: usize, sampling: Sampling) -> anyhow::Result<Parameters> {
    if answer.rows() == 0 {
        bail!("--params-query returned no row");
    }
    let mut collector = Collector::new(count, sampling);
    for row in 0..answer.rows() {
        collector.add(answer.row(row).map(value).collect()).context("--params-query")?;
    }
    Ok(collector.finish())
}

fn value(cell: Cell<'_>) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Signed(number) => Value::Signed(number),
        Cell::Unsigned(number) => i64::try_from(number).map_or(Value::Unsigned(number), Value::Signed),
        Cell::Float(number) => Value::Decimal(number.to_string()),
        Cell::Double(number) => Value::Decimal(number.to_string()),
        Cell::Date(date) => Value::Text(date.to_string()),
        Cell::DateTime(time) => Value::Text(time.to_string()),
        Cell::Time(time) => Value::Text(time.to_string()),
        Cell::Text(text) => Value::Text(text.to_owned()),
        Cell::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

/// The steps of EXPLAIN, one for each table.
fn steps(answer: &Answer) -> Vec<ExplainStep> {
    let column = |name: &str| answer.fields().iter().position(|field| field.name.eq_ignore_ascii_case(name));
    let [table, access, key, rows] = ["table", "type", "key", "rows"].map(column);
    let text = |row: usize, column: Option<usize>| match answer.cell(row, column?)? {
        Cell::Text(text) => Some(text.to_owned()),
        Cell::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    };
    let number = |row: usize, column: Option<usize>| match answer.cell(row, column?)? {
        Cell::Unsigned(number) => Some(number),
        Cell::Signed(number) => u64::try_from(number).ok(),
        Cell::Text(text) => text.parse().ok(),
        _ => None,
    };
    let step = |row| ExplainStep {
        table: text(row, table),
        access: text(row, access),
        key: text(row, key),
        rows: number(row, rows),
    };
    (0..answer.rows()).map(step).collect()
}

/// At most so many percent of a connection's time, or no limit.
pub(crate) fn share(arguments: &OwnQueryArgs, in_sandbox: bool) -> Option<u8> {
    const USUAL: u8 = 50;
    let share = arguments.share.unwrap_or(if in_sandbox { 100 } else { USUAL });
    (share < 100).then_some(share)
}

/// True if only queries of the user's own are measured.
pub(crate) fn is_alone(arguments: &cli::Bench) -> bool {
    let has_query = !arguments.own.asked.query.is_empty() || !arguments.own.asked.query_file.is_empty();
    has_query && arguments.workload.is_empty()
}
