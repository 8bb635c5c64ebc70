//! The `rcache` program: hands over to the library and turns the outcome into an exit status.

fn main() -> std::process::ExitCode {
    rcache::run()
}
