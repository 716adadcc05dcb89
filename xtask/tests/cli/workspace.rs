//! A workspace that has all that `cargo xtask schema` writes, and a registry for npm.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::json;

use crate::{
    codegen::bundle,
    fixture::{Fixture, integrity, tarball},
};

/// Stands for npm: knows what is in the folder `registry`.
const NPM: &str = r#"
place="$ROOT/registry/$2"
case $1 in
view)
    [ -f "$place/$3" ] && exec cat "$place/$3"
    echo "npm error code E404" >&2
    echo "npm error 404 No match found for $2" >&2
    exit 1 ;;
pack)
    destination=$5
    echo "$2" >> "$ROOT/packed"
    exec cp "$place/package.tgz" "$destination/package.tgz" ;;
esac
"#;

const README: &str = "\
The types of runtime 9.9.9 is what this has.
codexkit = \"9.9.9\"
`npm install @openai/codex@9.9.9` installs it.
It was tried with 9.9.9 and 9.9.8.
";

const CHANGELOG: &str = "# Changelog\n\n## 9.9.9 - 2026-01-01\n\n### Protocol\n\n- The first.\n";

/// What the platforms of the fixture's runtimes are called.
const PLATFORMS: [&str; 4] = ["darwin-arm64", "darwin-x64", "linux-arm64", "linux-x64"];

/// The bundles of a runtime: the properties of the one request, without and with what is
/// experimental.
pub(crate) type Properties<'a> = (&'a [&'a str], &'a [&'a str]);

/// A workspace that has 9.9.9 pinned, with npm on its PATH that has it, too, and 9.9.10.
pub(crate) fn workspace() -> Fixture {
    let fixture = Fixture::with_codex(&codex("9.9.9", (&["old"], &["old", "young"])));
    let write = |path: &str, text: &str| {
        let path = fixture.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("Cargo.toml", "[workspace.package]\nversion = \"9.9.9\"\nedition = \"2024\"\n");
    let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"9.9.9\"\n\n[[package]]\n\
                name = \"codexkit\"\nversion = \"9.9.9\"\n";
    write("Cargo.lock", lock);
    write("README.md", README);
    write("CHANGELOG.md", CHANGELOG);
    write("tests/data/outline.txt", "");
    let since = json!({
        "releases": ["9.9.9"],
        "experimental": { "methods": {}, "members": {} },
        "stable": { "methods": {}, "members": {} },
    });
    write("schema/since.json", &since.to_string());
    let_npm_be(&fixture);
    publish(&fixture, "9.9.9", (&["old"], &["old", "young"]));
    publish(&fixture, "9.9.10", (&["fresh", "old"], &["fresh", "newer", "old", "young"]));
    fixture.run(&["schema", "update", "--version", "9.9.9"]).assert_success();
    fixture
}

/// Puts npm on the PATH.
pub(crate) fn let_npm_be(fixture: &Fixture) {
    fixture.program("npm", NPM);
}

/// Lets npm have a version.
pub(crate) fn publish(fixture: &Fixture, version: &str, of: Properties<'_>) {
    publish_binary(fixture, version, &codex(version, of));
}

/// The same for a binary that may be anything.
pub(crate) fn publish_binary(fixture: &Fixture, version: &str, codex: &str) {
    let place = |package: &str| {
        let place = fixture.path("registry").join(package);
        fs::create_dir_all(&place).unwrap();
        place
    };
    let main = place(&format!("@openai/codex@{version}"));
    let named = |key: &&str| (format!("@openai/codex-{key}"), json!("npm:it"));
    let dependencies: serde_json::Map<_, _> = PLATFORMS.iter().map(named).collect();
    fs::write(main.join("optionalDependencies"), json!(dependencies).to_string()).unwrap();
    for key in PLATFORMS {
        let package = place(&format!("@openai/codex@{version}-{key}"));
        let tarball = tarball(codex);
        fs::write(package.join("dist.integrity"), json!(integrity(&tarball)).to_string()).unwrap();
        fs::write(package.join("package.tgz"), tarball).unwrap();
    }
    let all = place("@openai/codex");
    let mut versions: Vec<String> = fs::read(all.join("versions"))
        .map(|it| serde_json::from_slice(&it).unwrap())
        .unwrap_or_default();
    versions.push(version.to_owned());
    fs::write(all.join("versions"), json!(versions).to_string()).unwrap();
    fs::write(all.join("version"), json!(version).to_string()).unwrap();
}

/// A runtime that writes its schema.
pub(crate) fn codex(version: &str, (stable, experimental): Properties<'_>) -> String {
    writer(version, &bundle(stable), &bundle(experimental))
}

/// A runtime that writes these bundles.
pub(crate) fn writer(version: &str, stable: &str, experimental: &str) -> String {
    format!(
        "#!/bin/sh\nPATH=/bin:/usr/bin\n\
         [ \"$1\" = --version ] && echo codex-cli {version} && exit\n\
         to=$4/codex_app_server_protocol.schemas.json\n\
         [ \"$5\" = --experimental ] || exec cat > \"$to\" <<'END'\n{stable}\nEND\n\
         cat > \"$to\" <<'END'\n{experimental}\nEND\n"
    )
}

/// Asserts that everything fits what is pinned but the tables of the generator, which are about the
/// real schema.
#[track_caller]
pub(crate) fn assert_fits(fixture: &Fixture, args: &[&str]) {
    let ended = fixture.run(&[&["schema", "check"], args].concat());
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let tables = "drift: tables: entries of src/codegen/tables/pinned.rs that do not apply: ";
    assert!(ended.stdout.starts_with(tables), "{}", ended.stdout);
    assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.stdout);
}

/// Every file that is not below `target` and not of the fixture.
pub(crate) fn tree(fixture: &Fixture) -> BTreeMap<String, String> {
    let (mut res, root) = (BTreeMap::new(), fixture.path(""));
    let mut todo = vec![root.clone()];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            if ["bin", ".git", "origin", "registry", "target", "wheel"].contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                todo.push(path);
            } else if Path::new(&name).extension().is_some_and(|it| it != "tgz") {
                res.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    res
}
