//! The zhuanjie binary. See `cli`.

fn main() -> std::process::ExitCode {
    zhuanjie::cli::main()
}
