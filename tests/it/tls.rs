//! Encrypted connections, with certificates made for the test: who is trusted is read, who is not
//! is refused.

use std::convert::Infallible;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use cache_aside::{Cache, Key, Options};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::private_redis::{self, PATIENT, PrivateRedis};
use crate::sandbox::Sandbox;
use crate::world::{self, Place, rcache};

crate::tests![
    the_library_reads_over_tls,
    certificates_of_the_url_are_trusted_and_shown,
    who_is_not_trusted_is_not_read_and_costs_no_read,
    the_program_measures_over_tls,
    the_database_is_read_over_tls,
];

/// The variable with the certificates that the library trusts, beside the system's own.
const TRUST: &str = "SSL_CERT_FILE";
/// Tells a second process of this program which Redis it is to read.
const URL: &str = "RCACHE_IT_TLS_URL";

/// Certificates in a folder: an authority's, and what it signed for 127.0.0.1, or another name.
pub(crate) struct Certificates {
    folder: tempfile::TempDir,
}

impl Certificates {
    pub(crate) fn new() -> Self {
        Self::of("127.0.0.1")
    }

    pub(crate) fn of(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // A certificate with the name of its issuer counts as signed by itself.
        params.distinguished_name.push(DnType::CommonName, "the test's authority");
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = [name.to_owned()];
        let server = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
        let made = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::write(made.path("ca.pem"), authority.pem()).unwrap();
        std::fs::write(made.path("server.pem"), server.pem()).unwrap();
        std::fs::write(made.path("server.key"), key.serialize_pem()).unwrap();
        made
    }

    /// The lines with which Redis shows them, and asks nobody for one.
    pub(crate) fn redis_config(&self) -> String {
        let file = |name: &str| self.path(name).display().to_string();
        format!(
            "tls-auth-clients no\ntls-ca-cert-file {}\ntls-cert-file {}\ntls-key-file {}\n",
            file("ca.pem"),
            file("server.pem"),
            file("server.key"),
        )
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

#[expect(clippy::print_stderr, reason = "a test that did nothing must not look like one that passed")]
fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A Redis that listens with TLS beside its socket.
struct TlsRedis {
    certificates: Certificates,
    port: u16,
    _redis: PrivateRedis,
}

impl TlsRedis {
    /// None where the server was built without TLS, which is said.
    fn start() -> Option<Self> {
        Self::start_with("tls-auth-clients no")
    }

    /// With this line of configuration beside.
    fn start_with(line: &str) -> Option<Self> {
        if !knows_tls() {
            skipped("this Redis was built without TLS");
            return None;
        }
        let certificates = Certificates::new();
        let port = free_port();
        let file = |name: &str| certificates.path(name).display().to_string();
        let config = format!(
            "bind 127.0.0.1\ntls-port {port}\n{line}\ntls-ca-cert-file {}\ntls-cert-file {}\ntls-key-file {}",
            file("ca.pem"),
            file("server.pem"),
            file("server.key"),
        );
        let redis = PrivateRedis::start(&config);
        Some(Self { certificates, port, _redis: redis })
    }

    fn url(&self, host: &str) -> String {
        format!("rediss://{host}:{}", self.port)
    }
}

/// With TLS the server complains of the value, without it of the name.
pub(crate) fn knows_tls() -> bool {
    let output = Command::new(private_redis::program())
        .args(["--port", "0", "--tls-session-caching", "perhaps"])
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).contains("'yes' or 'no'")
}

fn cache(url: &str) -> Cache {
    let options = Options::default().connect_timeout(PATIENT).reply_timeout(PATIENT);
    Cache::connect(url, options).unwrap()
}

fn key(id: u32) -> Key {
    Key::new("thing", 1, id).unwrap()
}

fn load(value: &str) -> Result<Option<String>, Infallible> {
    Ok(Some(value.to_owned()))
}

/// In a process of its own, since what a process trusts is read once from its environment.
fn the_library_reads_over_tls() {
    if let Ok(url) = std::env::var(URL) {
        return reads_and_writes(&url);
    }
    let Some(redis) = TlsRedis::start() else { return };
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tls::the_library_reads_over_tls"])
        .env(TRUST, redis.certificates.path("ca.pem"))
        .env(URL, redis.url("127.0.0.1"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{output:?}");
}

fn reads_and_writes(url: &str) {
    let cache = cache(url);
    let large = "x".repeat(3 << 20);
    for (id, value) in [(1, "small"), (2, &large)] {
        for _ in 0..3 {
            assert_eq!(cache.get(&key(id), || load(value)).unwrap().as_deref(), Some(value));
        }
    }
    cache.mark(&[&key(1)]).unwrap().finish().unwrap();
    cache.invalidate(&key(2)).unwrap();
    for id in 1..=2 {
        assert_eq!(cache.get(&key(id), || load("new")).unwrap().as_deref(), Some("new"));
    }
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.fills, stats.redis_errors), (4, 4, 0), "{stats:?}");
    // The certificate is for the address, not for the name.
    let elsewhere = self::cache(&url.replace("127.0.0.1", "localhost"));
    elsewhere.invalidate(&key(1)).unwrap_err();
}

/// The server demands a certificate of its clients too.
fn certificates_of_the_url_are_trusted_and_shown() {
    let Some(redis) = TlsRedis::start_with("tls-auth-clients yes") else { return };
    let file = |name: &str| redis.certificates.path(name).display().to_string();
    let url = |files: &str| format!("{}?{files}", redis.url("127.0.0.1"));
    let trust = format!("ssl-ca={}", file("ca.pem"));
    let both = format!("{trust}&ssl-cert={}&ssl-key={}", file("server.pem"), file("server.key"));
    reads_and_writes(&url(&both));
    // No certificate, or an authority that the server's is not of: no connection, and no failed
    // read.
    let stranger = Certificates::new();
    for files in [trust, both.replace(&file("ca.pem"), &stranger.path("ca.pem").display().to_string())] {
        let cache = cache(&url(&files));
        assert_eq!(cache.get(&key(3), || load("loaded")).unwrap().as_deref(), Some("loaded"));
        assert_eq!(cache.stats().fills, 0);
        cache.invalidate(&key(3)).unwrap_err();
    }
    for absent in ["ssl-ca=/nowhere.pem", "ssl-cert=/nowhere.pem&ssl-key=/nowhere.key"] {
        let error = Cache::connect(&url(absent), Options::default()).unwrap_err().to_string();
        assert!(error.contains("/nowhere.pem"), "{error}");
    }
    let bench = |files: &str| {
        let place = Place::seeded(100);
        let mut command = rcache();
        command.args(["bench", "--iterations", "5", "--workload", "point", "--format", "json"]);
        command.args(["--mysql-url", &place.mysql_url(), "--redis-url", &url(files)]);
        world::ran(&mut command)
    };
    assert_eq!(bench(&both).fine().json()["environment"]["redis"]["transport"], "tcp+tls");
}

fn who_is_not_trusted_is_not_read_and_costs_no_read() {
    let Some(redis) = TlsRedis::start() else { return };
    for url in [redis.url("127.0.0.1"), redis.url("127.0.0.1").replace("rediss:", "redis:")] {
        let cache = cache(&url);
        for _ in 0..5 {
            assert_eq!(cache.get(&key(1), || load("loaded")).unwrap().as_deref(), Some("loaded"));
        }
        let stats = cache.stats();
        assert!(stats.hits + stats.fills == 0 && stats.bypasses == 5 && stats.redis_errors >= 3, "{stats:?}");
    }
    let told = cache(&redis.url("127.0.0.1")).invalidate(&key(1)).unwrap_err();
    let told = format!("{told:?}");
    assert!(told.contains("UnknownIssuer"), "{told}");
}

fn the_program_measures_over_tls() {
    let Some(redis) = TlsRedis::start() else { return };
    let place = Place::seeded(100);
    let bench = || {
        let mut command = rcache();
        command.args(["bench", "--iterations", "5", "--workload", "all,point", "--format", "json"]);
        command.args(["--mysql-url", &place.mysql_url(), "--redis-url", &redis.url("127.0.0.1")]);
        command
    };
    let trusting = world::ran(bench().env(TRUST, redis.certificates.path("ca.pem"))).fine().json();
    assert_eq!(trusting["environment"]["redis"]["transport"], "tcp+tls");
    for workload in trusting["workloads"].as_array().unwrap() {
        let warm = workload["paths"].as_array().unwrap().iter().find(|path| path["path"] == "warm").unwrap();
        assert_eq!((&warm["hits"], &warm["operations"]), (&5.into(), &5.into()), "{warm}");
    }
    world::ran(&mut bench()).failed(1, &["Redis at 127.0.0.1", "certificate"]);
}

/// The sandbox's database, stopped and started once more with certificates.
struct TlsDatabase {
    certificates: Certificates,
    port: u16,
    server: Child,
    _sandbox: Sandbox,
}

impl TlsDatabase {
    /// None where the server was built without TLS, which is said.
    fn start() -> Option<Self> {
        let sandbox = Sandbox::new();
        sandbox.run_well("start");
        let (program, options) = sandbox.pids().into_iter().find_map(database_of).unwrap();
        sandbox.run_well("stop");
        let help = Command::new(&program).args(["--no-defaults", "--verbose", "--help"]).output().unwrap();
        if !String::from_utf8_lossy(&help.stdout).contains("ssl-cert") {
            skipped("this database was built without TLS");
            return None;
        }
        let (certificates, port) = (Certificates::new(), free_port());
        std::fs::write(certificates.path("accounts.sql"), ACCOUNTS).unwrap();
        let option = |name: &str, file: &str| format!("--{name}={}", certificates.path(file).display());
        let server = Command::new(program)
            .args(options)
            .args([format!("--port={port}"), option("socket", "db.sock"), option("pid-file", "db.pid")])
            .args([
                option("ssl-ca", "ca.pem"),
                option("ssl-cert", "server.pem"),
                option("ssl-key", "server.key"),
            ])
            .arg(option("init-file", "accounts.sql"))
            .args([
                "--bind-address=127.0.0.1",
                "--skip-name-resolve",
                "--local-infile=ON",
                "--loose-mysqlx=OFF",
                // Packages of MySQL name a folder that only some of them make.
                "--secure-file-priv=",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Self { certificates, port, server, _sandbox: sandbox };
        world::wait_until("the database listens", || {
            std::net::TcpStream::connect(("127.0.0.1", started.port)).is_ok()
        });
        Some(started)
    }

    fn url(&self, parameters: &str) -> String {
        format!("mysql://secured:hunter2@127.0.0.1:{}/secure{parameters}", self.port)
    }
}

impl Drop for TlsDatabase {
    fn drop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }
}

const ACCOUNTS: &str = "\
CREATE DATABASE IF NOT EXISTS secure CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS secured@'127.0.0.1' IDENTIFIED BY 'hunter2' REQUIRE SSL;
GRANT ALL ON *.* TO secured@'127.0.0.1';
CREATE USER IF NOT EXISTS certified@'127.0.0.1' IDENTIFIED BY 'hunter2' REQUIRE X509;
GRANT ALL ON *.* TO certified@'127.0.0.1';
";

/// The program of a server, and those of its options that say where its data are; none if it is no
/// database.
pub(crate) fn database_of(pid: u64) -> Option<(PathBuf, Vec<String>)> {
    let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    let kept = ["--no-defaults", "--datadir=", "--basedir=", "--user="];
    let options: Vec<String> = line
        .split('\0')
        .filter(|option| kept.iter().any(|kept| option.starts_with(kept)))
        .map(str::to_owned)
        .collect();
    let is_database = options.iter().any(|option| option.starts_with("--datadir="));
    is_database.then(|| (std::fs::read_link(format!("/proc/{pid}/exe")).unwrap(), options))
}

fn the_database_is_read_over_tls() {
    let Some(database) = TlsDatabase::start() else { return };
    let run = |url: &str, arguments: &[&str]| {
        let mut command = rcache();
        command.args(arguments).args(["--mysql-url", url, "--redis-url", &world::world().redis_url()]);
        world::ran(command.args(["--namespace", "tls-database", "--format", "json"]))
    };
    let trusting = |mode: &str| {
        database.url(&format!("?ssl-mode={mode}&ssl-ca={}", database.certificates.path("ca.pem").display()))
    };
    run(&trusting("verify_ca"), &["seed", "--users", "100"]).fine();
    for url in [trusting("verify_identity"), database.url("?ssl-mode=required")] {
        let bench = ["bench", "--iterations", "5", "--workload", "all,point"];
        let document = run(&url, &bench).fine().json();
        assert_eq!(document["environment"]["mysql"]["transport"], "tcp+tls");
    }
    let stranger = Certificates::new();
    let other = database.url(&format!("?ssl-ca={}", stranger.path("ca.pem").display()));
    run(&other, &["seed"]).failed(1, &["127.0.0.1", "certificate", "ssl-"]);
    // The account wants an encrypted connection.
    run(&database.url(""), &["seed"]).failed(1, &["127.0.0.1", "denied", "ssl-mode=required"]);
    // And another one a client's certificate too.
    let certified = |parameters: &str| database.url(parameters).replace("secured", "certified");
    run(&certified("?ssl-mode=required"), &["seed"]).failed(1, &["denied", "ssl-cert=FILE"]);
    let [own, key] = ["server.pem", "server.key"].map(|file| database.certificates.path(file));
    let with_own = format!("?ssl-mode=required&ssl-cert={}&ssl-key={}", own.display(), key.display());
    run(&certified(&with_own), &["bench", "--iterations", "5", "--workload", "point"]).fine();
}
