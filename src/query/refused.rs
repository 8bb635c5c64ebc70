//! Why a statement is not run. No sentence quotes a literal of the statement.

/// A statement that could change something, or that is not one SELECT.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("it holds no statement")]
    Empty,
    #[error("it holds more than one statement\n  give each of them a --query of its own")]
    SeveralStatements,
    #[error("it begins with {0}, and only a SELECT can be measured")]
    NotASelect(&'static str),
    #[error("it does not begin with SELECT or WITH, and only a SELECT can be measured")]
    UnknownVerb,
    #[error(
        "it holds an executable comment (/*! … */), which servers run or skip depending on their version\n  write the text out"
    )]
    ExecutableComment,
    #[error("{0} in it does not end")]
    Unterminated(&'static str),
    #[error(
        "it holds a backslash outside a string; \\G and \\g are commands of the mysql client, leave them out"
    )]
    Backslash,
    #[error("it holds a control character outside a string")]
    ControlCharacter,
    #[error(
        "a backslash before a quote in it means different things under different SQL modes\n  double the quote instead \
         ('' in a string), or use a parameter"
    )]
    AmbiguousQuotes,
    #[error("a name in it begins with a digit behind a dot\n  write the name in backticks")]
    NameBeginsWithDigit,
    #[error("an optimizer hint in it holds quotes\n  write the hint without them")]
    QuotesInHint,
    #[error("its optimizer hint {0} changes the session or overrides a limit of rcache\n  leave it out")]
    Hint(&'static str),
    #[error("{0} takes locks that others wait for")]
    Locks(&'static str),
    #[error("{0} writes, and a measured statement must only read")]
    Writes(&'static str),
    #[error("INTO writes to a file, a table or a variable")]
    Into,
    #[error("':=' assigns a variable")]
    Assignment,
    #[error("PROCEDURE calls a procedure")]
    Procedure,
    #[error("{name}() {why}")]
    Function { name: &'static str, why: &'static str },
    #[error("it calls a stored function, which can do anything\n  write its body into the statement")]
    StoredFunction,
    #[error(
        "it calls {0}(), which is not a built-in function of MySQL or MariaDB, and a stored function can do anything\n  write its \
         body into the statement"
    )]
    UnknownFunction(String),
    #[error(
        "it holds a named parameter\n  write ? for each parameter, in the order of the columns of --params"
    )]
    NamedParameter,
}
