//! Holds rcache against the limits of what it does: a raw socket read, a bare LOAD DATA, the cost
//! of a sample. Run it with `scripts/limits`; it needs the server programs and nothing else.

fn main() -> std::process::ExitCode {
    rcache::limits()
}
