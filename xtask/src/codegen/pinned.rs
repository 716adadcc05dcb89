//! Tests of the generator on the pinned schema, and on one that does not fit it any more.

use quote::ToTokens;

use super::{
    generator::{Input, Scope, generate},
    outline::outline,
};

/// `AcceptWithExecpolicyAmendmentCommandExecutionApprovalDecision`: names do not get longer.
const LONGEST_NAME: usize = 61;

fn pinned() -> Input {
    Input {
        stable: include_str!("../../../schema/stable.json").to_owned(),
        experimental: include_str!("../../../schema/experimental.json").to_owned(),
        pin: include_str!("../../../schema/pin.json").to_owned(),
        since: Some(include_str!("../../../schema/since.json").to_owned()),
    }
}

/// What is said of the pinned schema after one replacement in both bundles.
fn complaint(from: &str, to: &str) -> String {
    let mut input = pinned();
    assert!(input.experimental.contains(from), "the schema has no {from}");
    input.experimental = input.experimental.replace(from, to);
    input.stable = input.stable.replace(from, to);
    match generate(&input, Scope::Experimental) {
        Ok(it) if it.stale.is_empty() => panic!("{to} does as well as {from}"),
        Ok(it) => format!("stale: {}", it.stale.join(", ")),
        Err(it) => it.to_string(),
    }
}

#[test]
fn the_pinned_schema_generates_the_same_code_every_time() {
    for scope in [Scope::Experimental, Scope::Stable] {
        let (first, second) =
            (generate(&pinned(), scope).unwrap(), generate(&pinned(), scope).unwrap());
        assert_eq!(first.protocol, second.protocol);
        assert_eq!(first.registry, second.registry);
    }
}

#[test]
fn every_property_whose_null_may_mean_something_has_been_reviewed() {
    let unreviewed = generate(&pinned(), Scope::Experimental).unwrap().unreviewed;
    assert!(
        unreviewed.is_empty(),
        "is null the same as absent for these? Enter them in THREE_STATE or in NULL_IS_ABSENCE of \
         src/codegen/tables/pinned.rs: {unreviewed:#?}"
    );
}

#[test]
fn every_definition_is_reached_by_a_message() {
    let unreached = generate(&pinned(), Scope::Experimental).unwrap().unreached;
    assert!(
        unreached.is_empty(),
        "does the runtime send these? Enter them in EXTRA_ROOTS of src/codegen/tables/pinned.rs: \
         {unreached:#?}"
    );
}

#[test]
fn generated_names_are_readable() {
    let code = generate(&pinned(), Scope::Experimental).unwrap().protocol;
    let syn::File { items, .. } = syn::parse_file(&code).unwrap();
    let names: Vec<String> = items
        .iter()
        .filter_map(|it| match it {
            syn::Item::Struct(it) => Some(vec![it.ident.to_string()]),
            syn::Item::Enum(it) => {
                assert!(!it.variants.is_empty(), "{} is empty", it.ident);
                let variants = it.variants.iter().map(|it| it.ident.to_string());
                Some(variants.chain([it.ident.to_string()]).collect())
            }
            _ => None,
        })
        .flatten()
        .collect();
    assert!(names.len() > 1_500, "{}", names.len());
    for name in names {
        let generic = ["Variant", "Subtype", "Inner"].iter().find(|it| name.contains(**it));
        assert_eq!(generic, None, "{name}");
        // Titles of the schema hold the path of the original, such as `v2::LoginAccountParams`.
        assert!(!name.contains("v2"), "{name}");
        assert!(name.len() <= LONGEST_NAME, "{name} has {} characters", name.len());
    }
}

/// One field that a public function sets.
struct Assignment {
    ty: String,
    function: String,
    parameters: Vec<String>,
    field: String,
    value: String,
}

/// What `new` and the setters put in which field.
fn assignments(code: &str) -> Vec<Assignment> {
    let mut res = Vec::new();
    let text = |it: &dyn ToTokens| it.to_token_stream().to_string();
    for item in syn::parse_file(code).unwrap().items {
        let syn::Item::Impl(it) = item else { continue };
        if it.trait_.is_some() {
            continue;
        }
        for part in &it.items {
            let syn::ImplItem::Fn(function) = part else { continue };
            let parameters = function.sig.inputs.iter().filter_map(|it| match it {
                syn::FnArg::Typed(it) => Some(text(&it.pat)),
                syn::FnArg::Receiver(_) => None,
            });
            let parameters: Vec<_> = parameters.collect();
            let mut add = |field: String, value: &syn::Expr| {
                let (ty, function) = (text(&it.self_ty), function.sig.ident.to_string());
                let value = text(value).replace(" ,)", ")");
                res.push(Assignment { ty, function, parameters: parameters.clone(), field, value });
            };
            match function.block.stmts.first() {
                Some(syn::Stmt::Expr(syn::Expr::Assign(it), _)) => {
                    add(text(&it.left).replace("self . ", ""), &it.right);
                }
                Some(syn::Stmt::Expr(syn::Expr::Struct(it), None))
                    if function.sig.ident == "new" =>
                {
                    it.fields.iter().for_each(|it| add(text(&it.member), &it.expr));
                }
                _ => (),
            }
        }
    }
    res
}

#[test]
fn new_and_setters_put_each_parameter_in_the_field_of_its_name() {
    let code = generate(&pinned(), Scope::Experimental).unwrap().protocol;
    let (mut made, mut set) = (0, 0);
    for Assignment { ty, function, parameters, field, value } in assignments(&code) {
        let is_right = if parameters.contains(&field) {
            *(if function == "new" { &mut made } else { &mut set }) += 1;
            let plain = value.strip_prefix("Some (").and_then(|it| it.strip_suffix(')'));
            let plain = plain.unwrap_or(&value);
            plain.strip_suffix(" . into ()").unwrap_or(plain) == field
        } else {
            function == "new"
                && !value.split(' ').any(|it| parameters.iter().any(|other| other == it))
        };
        assert!(is_right, "{ty}::{function}: {field} is {value}");
    }
    assert!(made > 300 && set > 400, "{made} made, {set} set");
}

#[test]
fn every_entry_of_the_tables_applies() {
    let stale = generate(&pinned(), Scope::Experimental).unwrap().stale;
    assert!(stale.is_empty(), "remove these from src/codegen/tables/pinned.rs: {stale:#?}");
}

#[test]
fn a_stale_fix_up_is_named() {
    let error = complaint("\"started_at\"", "\"startedAt\"");
    assert_eq!(error, "stale: fix-up `ThreadTimelineEntry.started_at`");
}

#[test]
fn a_stale_secret_is_named() {
    let error = complaint("\"execServerUrl\"", "\"address\"");
    assert!(error.contains("secret `EnvironmentAddParams.execServerUrl`"), "{error}");
}

#[test]
fn a_stale_description_is_named() {
    let error = complaint("IMPORTANT: When deserializing", "When deserializing");
    assert_eq!(error, "stale: description `AbsolutePathBuf`");
}

#[test]
fn a_stale_response_is_named() {
    let error = complaint("\"account/logout\"", "\"logoutAccount\"");
    assert!(error.contains("response `account/logout`"), "{error}");
}

#[test]
fn a_method_that_cannot_be_mapped_fails_and_is_named() {
    let from = "ThreadArchiveResponse";
    let error = complaint(from, "ThreadArchiveAnswer");
    assert_eq!(error, format!("`thread/archive`: has no response: there is no `{from}`"));
}

#[test]
fn an_unknown_shape_fails_and_is_named() {
    let error = complaint("\"format\": \"uint16\"", "\"format\": \"decimal\"");
    assert!(error.contains("`httpStatusCode`"), "{error}");
    assert!(error.contains("decimal"), "{error}");
}

#[test]
fn a_stale_release_fails_and_is_named() {
    let error = complaint("\"turnTrigger\"", "\"trigger\"");
    assert!(error.contains("lists `TurnStartParams.turnTrigger`, which no client can"), "{error}");
    let error = complaint("\"thread/sample\"", "\"thread/taste\"");
    assert!(error.contains("lists `thread/sample`, which no client can send"), "{error}");
}

#[test]
fn a_pin_of_which_the_list_of_releases_does_not_know_fails() {
    let input = Input { pin: r#"{ "runtime": "0.999.0" }"#.to_owned(), ..pinned() };
    for scope in [Scope::Stable, Scope::Experimental] {
        let error = generate(&input, scope).unwrap_err().to_string();
        assert!(error.starts_with("schema/since.json is about 0."), "{error}");
        assert!(
            error.ends_with("the pin is 0.999.0; `cargo xtask since` brings it up to date"),
            "{error}"
        );
    }
}

#[test]
fn a_pin_without_a_version_fails() {
    let input = Input { pin: "{}".to_owned(), ..pinned() };
    let error = generate(&input, Scope::Stable).unwrap_err();
    assert_eq!(error.to_string(), "pin.json has no string `runtime`");
}

#[test]
fn the_outline_is_the_one_that_was_reviewed() {
    let actual = outline(&generate(&pinned(), Scope::Experimental).unwrap().protocol).unwrap().text;
    if let Some(difference) = difference(include_str!("../../../tests/data/outline.txt"), &actual) {
        panic!(
            "the generated types are not those of tests/data/outline.txt, {difference}\
             run `cargo xtask schema update` and review what it changes"
        );
    }
}

#[test]
fn the_outline_leaves_no_type_and_no_method_out() {
    let generated = generate(&pinned(), Scope::Experimental).unwrap();
    let text = outline(&generated.protocol).unwrap().text;
    let has_line = |start: &str| {
        text.match_indices(start)
            .any(|(at, it)| text[at + it.len()..].starts_with([':', ' ', '\n']))
    };

    let names = generated.registry.split("(\"").skip(1).filter_map(|it| it.split('"').next());
    let names: Vec<_> = names.collect();
    assert!(names.len() > 1_000, "{}", names.len());
    for name in names {
        let kinds = ["struct", "enum", "type"];
        assert!(kinds.iter().any(|it| has_line(&format!("\n{it} {name}"))), "{name}");
    }

    let schema: serde_json::Value = serde_json::from_str(&pinned().experimental).unwrap();
    for (root, kind) in [
        ("ClientRequest", "request"),
        ("ServerRequest", "server request"),
        ("ServerNotification", "notification"),
        ("ClientNotification", "client notification"),
    ] {
        for arm in schema["definitions"][root]["oneOf"].as_array().unwrap() {
            let method = arm["properties"]["method"]["enum"][0].as_str().unwrap();
            assert!(has_line(&format!("\n{kind} {method}")), "{method}");
        }
    }
}

/// A property that is renamed is no other property in the stable schema.
#[test]
fn no_fix_up_makes_a_stable_property_experimental() {
    let text = outline(&generate(&pinned(), Scope::Experimental).unwrap().protocol).unwrap().text;
    let (_, fields) = text.split_once("\nstruct TurnStartedThreadTimelineEntry\n").unwrap();
    let expected = "  position: u64\n  started_at: Option<i64>\n  turn_id: String\n";
    assert!(fields.starts_with(expected), "{}", &fields[..expected.len()]);
}

/// The first lines in which two texts differ.
fn difference(old: &str, new: &str) -> Option<String> {
    const SHOWN: usize = 10;
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    if same == old.len() && same == new.len() {
        return None;
    }
    let mut res = format!("which differ from line {}:\n", same + 1);
    for (sign, lines) in [("-", old), ("+", new)] {
        for it in lines[same..].iter().take(SHOWN) {
            res.extend([sign, it, "\n"]);
        }
    }
    Some(res)
}
