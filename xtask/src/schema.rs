//! `cargo xtask schema`: what the schema of another runtime means for the bindings.

pub(crate) mod diff;

use std::process::ExitCode;

pub(crate) const HELP: &str = "\
Deals with the schemas of runtimes.

usage: cargo xtask schema <command> [arguments]

commands:
  diff OLD NEW  compare two schemas, and say whom the difference breaks

`cargo xtask schema <command> --help` says more.
";

pub(crate) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let Some((name, rest)) = args.split_first() else {
        return Err(crate::usage("`schema` needs a command: diff"));
    };
    let (help, run) = match name.as_str() {
        "diff" => (diff::HELP, diff::run),
        _ => return Err(crate::usage(format!("unknown command `schema {name}`"))),
    };
    if rest.first().is_some_and(|it| crate::is_help(it)) {
        print!("{help}");
        return Ok(ExitCode::SUCCESS);
    }
    run(rest)
}
