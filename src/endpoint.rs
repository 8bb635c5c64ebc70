//! The address of a server and the login: the two URLs of the command line, taken apart once.

mod mysql;
pub(crate) mod peer;
pub(crate) mod tls_files;

pub(crate) use cache_aside::internal::endpoint::{
    Address, Certificates, ENCODE, RedisEndpoint, UrlError, decode, decode_path, parameters, parse_url,
    password, tcp_address, transport, unknown_parameter, unknown_scheme,
};

pub(crate) use self::mysql::{MysqlEndpoint, MysqlTls};
