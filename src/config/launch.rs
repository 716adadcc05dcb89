//! What is run, with which arguments and in which environment.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::process::Command;

use super::{CODEX_HOME, CodexBuilder};
use crate::error::{Error, Result};
use crate::protocol;

/// The variable that names the program to run.
const CODEX_BIN: &str = "CODEX_BIN";

impl CodexBuilder {
    /// What to run, and what to do if it cannot be run.
    pub(super) fn program(&self) -> (PathBuf, String) {
        if let Some(binary) = &self.binary {
            let help = "check the path given to `CodexBuilder::binary`";
            return (absolute(binary), help.into());
        }
        if let Some(binary) = std::env::var_os(CODEX_BIN).filter(|it| !it.is_empty()) {
            return (absolute(Path::new(&binary)), format!("check the variable `{CODEX_BIN}`"));
        }
        let pinned = protocol::RUNTIME_VERSION;
        let help = format!(
            "install the runtime with `npm install -g @openai/codex@{pinned}`, or say \
             where it is with the variable `{CODEX_BIN}` or `CodexBuilder::binary`"
        );
        ("codex".into(), help)
    }

    pub(super) fn command(&self, program: &Path) -> Result<Command> {
        let mut command = Command::new(program);
        command.arg("app-server");
        for (key, value) in &self.config {
            let value = toml_value(value).ok_or_else(|| {
                Error::InvalidInput(format!("the configuration value of `{key}` is null"))
            })?;
            command.arg("-c").arg(format!("{key}={value}"));
        }
        command.args(&self.args);
        if let Some(cwd) = &self.cwd {
            command.current_dir(cwd);
        }
        if self.env_clear {
            command.env_clear();
        }
        for (key, value) in &self.env {
            match value {
                Some(value) => command.env(key, value),
                None => command.env_remove(key),
            };
        }
        Ok(command)
    }

    /// Finds what the runtime or the operating system would only complain about unclearly.
    pub(super) fn check_process(&self) -> Result<()> {
        if let Some(cwd) = &self.cwd
            && !cwd.is_dir()
        {
            let cwd = cwd.display();
            return Err(Error::InvalidInput(format!("the working directory `{cwd}` is missing")));
        }
        if let Some(home) = self.child_env(CODEX_HOME).map(PathBuf::from)
            && !(home.is_absolute() && home.is_dir())
        {
            let problem = if home.is_absolute() { "does not exist" } else { "is not absolute" };
            let home = home.display();
            return Err(Error::InvalidInput(format!(
                "{CODEX_HOME} must be an existing directory with an absolute path: `{home}` \
                 {problem}"
            )));
        }
        // The runtime would take what follows the sign for a part of the value.
        match self.config.iter().find(|(key, _)| key.is_empty() || key.contains('=')) {
            Some((key, _)) => Err(Error::InvalidInput(format!(
                "the configuration key `{key}` must neither be empty nor contain `=`"
            ))),
            None => Ok(()),
        }
    }

    /// A variable as the process will see it, if it is not empty.
    fn child_env(&self, key: &str) -> Option<OsString> {
        match self.env.get(OsStr::new(key)) {
            Some(value) => value.clone(),
            None if self.env_clear => None,
            None => std::env::var_os(key),
        }
        .filter(|value| !value.is_empty())
    }
}

/// A name that is looked up in `PATH` stays as it is; a path must not depend on the directory that
/// the child is started in.
fn absolute(program: &Path) -> PathBuf {
    match program.components().count() {
        0 | 1 => program.to_owned(),
        _ => std::path::absolute(program).unwrap_or_else(|_| program.to_owned()),
    }
}

/// Writes a value as TOML, which has no null. A string of JSON is a string of TOML.
fn toml_value(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
        Value::Array(items) => {
            let items: Option<Vec<_>> = items.iter().map(toml_value).collect();
            format!("[{}]", items?.join(","))
        }
        Value::Object(entries) => {
            let entry = |(key, value)| {
                Some(format!("{}={}", Value::String(String::clone(key)), toml_value(value)?))
            };
            let entries: Option<Vec<_>> = entries.iter().map(entry).collect();
            format!("{{{}}}", entries?.join(","))
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn configuration_values_become_toml() {
        let cases = [
            (json!("a \"b\"\n"), r#""a \"b\"\n""#),
            (json!(true), "true"),
            (json!(1.5), "1.5"),
            (json!(["x", 2]), r#"["x",2]"#),
            (json!({"name": "m", "deep": {"a b": 1}}), r#"{"deep"={"a b"=1},"name"="m"}"#),
        ];
        for (value, toml) in cases {
            assert_eq!(toml_value(&value).as_deref(), Some(toml));
        }
        assert_eq!(toml_value(&json!({"nothing": null})), None);
    }
}
