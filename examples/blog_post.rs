//! The blog post's application, small: all users from MySQL through the cache, as JSON over HTTP.
//! `rcache serve` is the same with limits on what a client may do.
//!
//! ```console
//! $ MYSQL_URL=mysql://user:password@127.0.0.1/rcache REDIS_URL=redis://127.0.0.1 cargo run --example blog_post
//! $ curl http://127.0.0.1:8080/
//! ```

use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use cache_aside::{Cache, Key, Options};
use mysql::{Pool, prelude::Queryable};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct User {
    id: u32,
    username: String,
    email: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let pool = Pool::new(std::env::var("MYSQL_URL")?.as_str())?;
    let cache = Cache::connect(&std::env::var("REDIS_URL")?, Options::default())?;
    let get_users = cache.wrap(|(): &()| Key::singleton("users", 1), |()| read_users(&pool).map(Some));
    for stream in TcpListener::bind("127.0.0.1:8080")?.incoming() {
        let start = Instant::now();
        let users = get_users(&())?.unwrap_or_default();
        writeln!(io::stdout(), "{} users in {:?}", users.len(), start.elapsed())?;
        answer(&stream?, &serde_json::to_vec(&users)?)?;
    }
    Ok(())
}

fn read_users(pool: &Pool) -> mysql::Result<Vec<User>> {
    let user = |(id, username, email)| User { id, username, email };
    pool.get_conn()?.query_map("SELECT id, username, email FROM users ORDER BY id", user)
}

fn answer(mut stream: &TcpStream, json: &[u8]) -> io::Result<()> {
    BufReader::new(stream).lines().map_while(Result::ok).find(String::is_empty);
    write!(
        stream,
        "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        json.len()
    )?;
    stream.write_all(json)
}
