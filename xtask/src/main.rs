//! Chores of this repository: `cargo xtask help`.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks to its user"
)]

mod cargo;
mod ci;
mod codegen;
mod compat;
mod demo;
mod digest;
mod pin;
mod runtime;
mod schema;
mod since;
mod test;

use std::{
    env, fmt,
    path::{Path, PathBuf},
    process::ExitCode,
};

const HELP: &str = "\
Chores of this repository.

usage: cargo xtask <command> [arguments]

commands:
  runtime   fetch the pinned codex binary into target/runtime
  schema    pin another runtime, check what is pinned, compare two schemas
  codegen   write the generated types and their outline to target/codegen
  since     bring schema/since.json up to date: which runtimes lack what
  compat    run the core tests against other runtimes than the pinned one
  demo      run the quickstart example against the embedded model
  test      run every test of the workspace on the pinned runtime
  ci        run everything that has to pass before a merge
  help      print this text, or that of a command

`cargo xtask help <command>` and `cargo xtask <command> --help` say more.
";

fn main() -> ExitCode {
    let args: Vec<String> =
        env::args_os().skip(1).map(|it| it.to_string_lossy().into_owned()).collect();
    match dispatch(&args) {
        Ok(code) => code,
        Err(err) if err.is::<Usage>() => {
            eprintln!("error: {err}\n\n{HELP}");
            ExitCode::from(2)
        }
        Err(err) => {
            eprintln!("error: {err:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> anyhow::Result<ExitCode> {
    let Some((name, rest)) = args.split_first() else {
        return Err(usage("no command given"));
    };
    if is_help(name) || name == "help" {
        print!("{}", rest.first().map_or(Ok(HELP), |it| command(it).map(|it| it.help))?);
        return Ok(ExitCode::SUCCESS);
    }
    let command = command(name)?;
    if rest.first().is_some_and(|it| is_help(it)) {
        print!("{}", command.help);
        return Ok(ExitCode::SUCCESS);
    }
    (command.run)(rest)
}

struct Command {
    help: &'static str,
    run: fn(&[String]) -> anyhow::Result<ExitCode>,
}

fn command(name: &str) -> anyhow::Result<Command> {
    Ok(match name {
        "runtime" => Command { help: runtime::HELP, run: runtime::run },
        "schema" => Command { help: schema::HELP, run: schema::run },
        "codegen" => Command { help: codegen::HELP, run: codegen::run },
        "since" => Command { help: since::HELP, run: since::run },
        "compat" => Command { help: compat::HELP, run: compat::run },
        "demo" => Command { help: demo::HELP, run: demo::run },
        "test" => Command { help: test::HELP, run: test::run },
        "ci" => Command { help: ci::HELP, run: ci::run },
        _ => return Err(usage(format!("unknown command `{name}`"))),
    })
}

fn is_help(arg: &str) -> bool {
    arg == "--help" || arg == "-h"
}

/// The command line is wrong: the message is followed by the usage text, the exit code is 2.
#[derive(Debug)]
struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

fn usage(message: impl Into<String>) -> anyhow::Error {
    Usage(message.into()).into()
}

/// The folder of the workspace.
///
/// Cargo sets the variable for what it runs, so a moved or copied checkout works.
fn root() -> PathBuf {
    let xtask =
        env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&xtask).parent().map(Path::to_path_buf).unwrap_or_default()
}
