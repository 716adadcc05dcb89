//! Rust names for wire names.

use heck::{ToSnakeCase, ToUpperCamelCase};
use serde_json::Value;

use super::{Error, Result, schema::reference};

/// The catch-all of every open enum and the field for what a struct does not know.
pub(super) const CATCH_ALL: &str = "Unrecognized";
pub(super) const REST: &str = "unrecognized";

/// Names that the module itself uses.
const TAKEN: [&str; 50] = [
    "Alternative",
    "BTreeMap",
    "Box",
    "ClientNotification",
    "ClientRequest",
    "Clone",
    "Debug",
    "DecodeError",
    "Default",
    "Deserialize",
    "Deserializer",
    "ElementPlace",
    "Err",
    "ExtraFields",
    "Fields",
    "Fit",
    "Fits",
    "From",
    "Guarded",
    "Into",
    "IsArray",
    "IsInteger",
    "IsString",
    "Json",
    "MalformedElement",
    "Map",
    "Need",
    "None",
    "Notification",
    "NotificationSeed",
    "Object",
    "Offer",
    "Ok",
    "Option",
    "RawMessage",
    "Redacted",
    "Release",
    "Request",
    "Result",
    "Serialize",
    "ServerCall",
    "ServerNotification",
    "ServerRequest",
    "ServerRequestError",
    "Some",
    "String",
    "Unavailable",
    "Uses",
    "Value",
    "Vec",
];

pub(super) fn pascal(wire: &str) -> String {
    wire.to_upper_camel_case()
}

pub(crate) fn snake(name: &str) -> String {
    name.to_snake_case()
}

/// The variant for a value, tag or method on the wire.
pub(super) fn variant(wire: &str) -> Result<String> {
    let res = pascal(wire);
    if res == CATCH_ALL || syn::parse_str::<syn::Ident>(&res).is_err() {
        return Err(Error::new(format!("the value `{wire}` gives no usable variant name")));
    }
    Ok(res)
}

/// The variant for an alternative that has no name on the wire: after its JSON type, or after the
/// part of the referenced type's name that differs from the union's.
pub(super) fn alternative(union: &str, schema: &Value) -> Option<String> {
    if let Some(target) = reference(schema) {
        return Some(distinctive(union, target));
    }
    let res = match schema.get("type")?.as_str()? {
        "string" => "String",
        "integer" => "Integer",
        "number" => "Number",
        "boolean" => "Boolean",
        "array" => "List",
        "object" => "Object",
        _ => return None,
    };
    Some(res.to_owned())
}

/// `McpElicitationStringSchema` inside `McpElicitationPrimitiveSchema` is `String`.
fn distinctive(union: &str, target: &str) -> String {
    let words = |it: &str| -> Vec<String> {
        it.to_snake_case().split('_').map(ToUpperCamelCase::to_upper_camel_case).collect()
    };
    let (union, mut rest) = (words(union), words(target));
    let prefix = union.iter().zip(&rest).take_while(|(a, b)| a == b).count();
    rest.drain(..prefix);
    let suffix = union.iter().rev().zip(rest.iter().rev()).take_while(|(a, b)| a == b).count();
    rest.truncate(rest.len() - suffix);
    if rest.is_empty() { target.to_owned() } else { rest.concat() }
}

/// `NullableX` is how the schema writes optional params; the methods use `X`.
pub(super) fn is_nullable_wrapper(name: &str) -> bool {
    name.strip_prefix("Nullable").is_some_and(|it| it.starts_with(char::is_uppercase))
}

pub(super) fn check_type_name(name: &str) -> Result<()> {
    if TAKEN.contains(&name) {
        return Err(Error::at(name, "has a name that the module itself uses"));
    }
    if pascal(name) != name || syn::parse_str::<syn::Ident>(name).is_err() {
        return Err(Error::at(name, "has a name that is no Rust type name"));
    }
    Ok(())
}

pub(super) fn check_distinct<'a>(names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    match names.windows(2).find(|it| it[0] == it[1]) {
        None => Ok(()),
        Some(it) => Err(Error::new(format!("two variants want the name `{}`", it[0]))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::schema::reference_to;
    use super::*;

    #[test]
    fn wire_names_of_every_style_become_variants() {
        for (wire, name) in [
            ("agentMessage", "AgentMessage"),
            ("glob_pattern", "GlobPattern"),
            ("on-request", "OnRequest"),
            ("DISABLED_BY_ADMIN", "DisabledByAdmin"),
            ("thread/environment/connected", "ThreadEnvironmentConnected"),
        ] {
            assert_eq!(variant(wire).unwrap(), name);
        }
    }

    #[test]
    fn a_value_that_gives_no_variant_is_named() {
        assert_eq!(
            variant("404").unwrap_err().to_string(),
            "the value `404` gives no usable variant name"
        );
        assert!(variant("unrecognized").is_err());
        assert!(variant("self").is_err());
    }

    #[test]
    fn alternatives_are_named_after_what_sets_them_apart() {
        let named = |union, target| alternative(union, &reference_to(target)).unwrap();
        assert_eq!(named("McpElicitationPrimitiveSchema", "McpElicitationStringSchema"), "String");
        assert_eq!(named("ThreadItemsListCursor", "ThreadItemsListAnchor"), "Anchor");
        assert_eq!(named("Body", "Other"), "Other");
        assert_eq!(alternative("A", &json!({ "type": "array" })).unwrap(), "List");
        assert_eq!(alternative("A", &json!(true)), None);
    }

    #[test]
    fn types_may_not_take_the_names_of_the_module() {
        assert!(check_type_name("Thread").is_ok());
        assert_eq!(
            check_type_name("RawMessage").unwrap_err().to_string(),
            "`RawMessage`: has a name that the module itself uses"
        );
        assert!(check_type_name("v2Thread").is_err());
    }

    #[test]
    fn two_variants_with_one_name_are_an_error() {
        let error = check_distinct(["A", "B", "A"].into_iter()).unwrap_err();
        assert_eq!(error.to_string(), "two variants want the name `A`");
    }
}
