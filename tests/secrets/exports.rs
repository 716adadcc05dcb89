//! Which types the client has.

use std::collections::BTreeSet;

use crate::written::Written;

const OF_PENDING: &str = "an alias of `PendingRequest`, which is printed";

/// What the client exports that has no instance, and why not.
const NO_INSTANCE: &[(&str, &str)] = &[
    ("Attestation", OF_PENDING),
    ("CommandApproval", OF_PENDING),
    ("CurrentTime", OF_PENDING),
    ("Elicitation", OF_PENDING),
    ("FileChangeApproval", OF_PENDING),
    ("HandlerResult", "an alias"),
    ("LegacyCommandApproval", OF_PENDING),
    ("LegacyPatchApproval", OF_PENDING),
    ("PermissionsApproval", OF_PENDING),
    ("RUNTIME_VERSION", "a constant, which is a version"),
    ("Result", "an alias"),
    ("SecretString", "an alias of `SecretBox`, which is printed"),
    ("ServerRequestHandler", "a trait"),
    ("TokenRefresh", OF_PENDING),
    ("ToolCall", OF_PENDING),
    ("UserInput", OF_PENDING),
    ("retry_on_overload", "a function"),
];

/// What only is there with the feature `schemars`.
const OF_SCHEMARS: [&str; 2] = ["OutputError", "TypedResult"];

/// Fails if there is a type of the client that was not printed.
#[track_caller]
pub(crate) fn assert_all_looked_at(written: &Written) {
    let exported = exported(include_str!("../../src/lib.rs"));
    for (name, reason) in NO_INSTANCE {
        assert!(exported.contains(name), "`{name}` ({reason}) is not exported any more");
    }
    let is_excused = |name: &str| {
        NO_INSTANCE.iter().any(|it| it.0 == name)
            || (cfg!(not(feature = "schemars")) && OF_SCHEMARS.contains(&name))
    };
    let missing: Vec<_> = exported
        .into_iter()
        .filter(|name| !is_excused(name) && !written.types().contains(name))
        .collect();
    assert!(missing.is_empty(), "nobody has looked at the `Debug` of {missing:?}");
}

/// The names that the root of the crate exports, without those of its modules.
fn exported(source: &str) -> BTreeSet<&str> {
    let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut names = BTreeSet::new();
    let mut is_use = false;
    for line in code {
        is_use |= line.trim_start().starts_with("pub use ");
        if is_use {
            names.extend(names_in(line.trim_start().trim_start_matches("pub use ")));
        }
        is_use &= !line.contains(';');
    }
    names
}

/// The last segments of the paths in a line.
fn names_in(line: &str) -> impl Iterator<Item = &str> {
    let is_part = |it: char| it.is_alphanumeric() || it == '_' || it == ':';
    let paths = line.split(move |it| !is_part(it)).filter(|path| !path.is_empty());
    // What comes before a brace leads to names and is none.
    paths.filter_map(|path| path.rsplit("::").next()).filter(|name| !name.is_empty())
}

#[test]
fn every_name_that_is_exported_is_found() {
    let source = "
        //! use crate::No;
        mod no;
        #[cfg(feature = \"x\")]
        pub use secrecy::Secret;
        pub use self::{
            one::{A, B},
            two::C,
        };
        pub mod testing;
        pub use self::{error::D, turn::E};
    ";
    let expected = BTreeSet::from(["A", "B", "C", "D", "E", "Secret"]);
    assert_eq!(exported(source), expected);
    let real = exported(include_str!("../../src/lib.rs"));
    assert!(real.len() > 50 && real.contains("TurnView") && real.contains("Codex"), "{real:?}");
}
