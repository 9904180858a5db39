//! The one binary; see `cli`.

fn main() -> std::process::ExitCode {
    zhuanjie::cli::main()
}
