//! A folder with a schema, in any of the forms in which one is met.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use super::generator::Input;
use crate::{pin, runtime::schema::BUNDLE};

/// What the generator needs, and what has to be said about it.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    pub(crate) version: String,
    pub(crate) input: Input,
    pub(crate) notes: Vec<String>,
}

impl Schema {
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        ensure!(
            folder.is_dir(),
            "there is no folder {}; give the one with the schema, or a version with --runtime",
            folder.display()
        );
        let of_kind = |kind: &str| {
            let all = [folder.join(format!("{kind}.json")), folder.join(kind).join(BUNDLE)];
            all.into_iter().find(|it| it.is_file())
        };
        let only = Some(folder.join(BUNDLE)).filter(|it| it.is_file());
        let (stable, experimental) = (of_kind("stable"), of_kind("experimental"));
        let (stable, experimental) = match (stable, experimental, only) {
            (Some(stable), Some(experimental), _) => (stable, experimental),
            (Some(it), None, None) | (None, Some(it), None) | (None, None, Some(it)) => {
                (it.clone(), it)
            }
            (None, None, None) => bail!(
                "{} holds no schema; it should have stable.json and experimental.json, or the \
                 {BUNDLE} that `codex app-server generate-json-schema --out DIR` writes",
                folder.display()
            ),
            _ => bail!(
                "{} holds {BUNDLE} beside another bundle; move it into its folder stable or \
                 experimental",
                folder.display()
            ),
        };
        let mut notes = Vec::new();
        if stable == experimental {
            notes.push(format!(
                "{} is the only bundle: it is taken for stable and experimental, so nothing is \
                 marked as experimental",
                stable.display()
            ));
        }
        let version = version(folder)?;
        let pin = json!({ "runtime": version }).to_string();
        let since = folder.join("since.json");
        let since = since.is_file().then(|| text(&since)).transpose()?;
        let input =
            Input { stable: text(&stable)?, experimental: text(&experimental)?, pin, since };
        Ok(Self { version, input, notes })
    }
}

/// What pin.json says, or else the name of the folder.
fn version(folder: &Path) -> anyhow::Result<String> {
    let pin = folder.join("pin.json");
    let version = if pin.is_file() {
        let value: Value = serde_json::from_str(&text(&pin)?)
            .with_context(|| format!("{} is not valid JSON", pin.display()))?;
        let version = value.get("runtime").and_then(Value::as_str);
        let missing = || format!("{} has no string `runtime`", pin.display());
        version.map(str::to_owned).with_context(missing)?
    } else {
        let whole = fs::canonicalize(folder)
            .with_context(|| format!("cannot resolve {}", folder.display()))?;
        whole.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default()
    };
    ensure!(
        pin::is_version(&version),
        "`{version}` cannot name a folder below target; give {} a pin.json with `runtime`, the \
         version of the runtime",
        folder.display()
    );
    Ok(version)
}

fn text(path: &PathBuf) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn with(files: &[&str]) -> Self {
            let it = Self(tempfile::tempdir().unwrap());
            for file in files {
                let path = it.0.path().join("1.2.3").join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                // Their content says which they are.
                fs::write(path, file).unwrap();
            }
            it
        }

        fn read(&self) -> Result<Schema, String> {
            Schema::read(&self.0.path().join("1.2.3")).map_err(|it| format!("{it:#}"))
        }
    }

    const WRITTEN: &str = "codex_app_server_protocol.schemas.json";

    #[test]
    fn every_form_of_a_schema_is_found() {
        let nested = |it: &str| format!("{it}/{WRITTEN}");
        let (stable, experimental) = (nested("stable"), nested("experimental"));
        for (first, second) in [
            ("stable.json", "experimental.json"),
            (&stable, &experimental),
            ("stable.json", &experimental),
        ] {
            let schema = Folder::with(&[first, second]).read().unwrap();
            assert_eq!((&*schema.input.stable, &*schema.input.experimental), (first, second));
            assert_eq!(schema.version, "1.2.3");
            assert_eq!(schema.notes, Vec::<String>::new());
        }
    }

    #[test]
    fn one_bundle_serves_as_both_and_that_is_said() {
        for file in [
            "stable.json",
            "experimental.json",
            "stable/codex_app_server_protocol.schemas.json",
            WRITTEN,
        ] {
            let schema = Folder::with(&[file]).read().unwrap();
            assert_eq!((&*schema.input.stable, &*schema.input.experimental), (file, file));
            assert!(schema.notes[0].contains("is the only bundle"), "{:?}", schema.notes);
        }
    }

    #[test]
    fn a_pin_names_the_version() {
        let folder = Folder::with(&["stable.json", "pin.json"]);
        assert!(folder.read().unwrap_err().contains("pin.json is not valid JSON"));
        let pin = folder.0.path().join("1.2.3/pin.json");
        for (text, res) in [
            (r#"{ "runtime": "4.5.6-alpha.1" }"#, Ok("4.5.6-alpha.1")),
            ("{}", Err("has no string `runtime`")),
            (r#"{ "runtime": "../up" }"#, Err("`../up` cannot name a folder")),
        ] {
            fs::write(&pin, text).unwrap();
            match (folder.read(), res) {
                (Ok(schema), Ok(version)) => assert_eq!(schema.version, version),
                (Err(err), Err(complaint)) => assert!(err.contains(complaint), "{err}"),
                (res, _) => panic!("{text}: {res:?}"),
            }
        }
    }

    #[test]
    fn what_holds_no_schema_is_refused() {
        for (files, complaint) in [
            (&[][..], "there is no folder"),
            (&["other.json"], "holds no schema; it should have stable.json"),
            (&["stable.json", WRITTEN], "beside another bundle"),
        ] {
            let err = Folder::with(files).read().unwrap_err();
            assert!(err.contains(complaint), "{err}");
        }
    }
}
