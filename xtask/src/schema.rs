//! `cargo xtask schema`: the pinned schema, and how others differ from it.

mod check;
pub(crate) mod diff;
mod edits;
mod texts;
mod update;

use std::process::ExitCode;

use crate::Command;

pub(crate) const HELP: &str = "\
Pins the schema of a runtime, says whether what is pinned fits, and how two schemas differ.

usage: cargo xtask schema <command> [arguments]

commands:
  update    pin another runtime, with all that follows from it
  check     say in one line whether everything fits the pin, or a runtime fits it
  diff      report how two schemas differ, and what of it breaks

`cargo xtask schema <command> --help` says more.
";

pub(crate) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let Some((name, rest)) = args.split_first() else {
        return Err(crate::usage("`schema` needs a command: update, check or diff"));
    };
    let command = match name.as_str() {
        "update" => Command { help: update::HELP, run: update::run },
        "check" => Command { help: check::HELP, run: check::run },
        "diff" => Command { help: diff::HELP, run: diff::run },
        _ => return Err(crate::usage(format!("`schema` has no command `{name}`"))),
    };
    if rest.first().is_some_and(|it| crate::is_help(it)) {
        print!("{}", command.help);
        return Ok(ExitCode::SUCCESS);
    }
    (command.run)(rest)
}

pub(crate) use check::{pinned, runtime};
