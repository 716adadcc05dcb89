//! Params that several methods share. The traits tell a method by the type of its params, so that each
//! needs one of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Error, Result,
    ir::{Type, Types},
    methods::{Methods, Request},
    names,
};

/// Methods that share their params get copies of them. The one that the params are named after keeps
/// them as they are.
pub(super) fn separate(methods: &mut Methods, types: &mut Types) -> Result<()> {
    let own = |it: &Request| format!("{}Params", names::pascal(&it.method));
    let all = || methods.requests.iter().chain(&methods.server_requests);
    let kept: BTreeSet<String> =
        all().filter(|it| own(it) == it.params).map(|it| it.params.clone()).collect();
    for it in methods.requests.iter_mut().chain(&mut methods.server_requests) {
        let own = own(it);
        if own == it.params || !kept.contains(&it.params) {
            continue;
        }
        let Some(shared) = types.get(&it.params).cloned() else { continue };
        let copy = Type { copy_of: Some(it.params.clone()), ..shared };
        if types.insert(own.clone(), copy).is_some() {
            let what = format!("shares the params `{}`, but `{own}` exists", it.params);
            return Err(Error::at(&it.method, what));
        }
        it.params = own;
    }
    Ok(())
}

/// Gives the params of `stable` the names that they have in `all`: a method that shares its params may
/// be alone with them where nothing is experimental.
pub(super) fn align(stable: &mut Methods, types: &mut Types, all: &Methods) {
    let twins = |all: &[Request]| -> BTreeMap<String, String> {
        all.iter().map(|it| (it.method.clone(), it.params.clone())).collect()
    };
    let (requests, asked) = (twins(&all.requests), twins(&all.server_requests));
    let requests = stable.requests.iter_mut().map(|it| (it, &requests));
    let asked = stable.server_requests.iter_mut().map(|it| (it, &asked));
    for (it, twins) in requests.chain(asked) {
        let Some(name) = twins.get(&it.method).filter(|name| **name != it.params) else { continue };
        let Some(ty) = types.get(&it.params).cloned() else { continue };
        types.entry(name.clone()).or_insert(Type { copy_of: Some(it.params.clone()), ..ty });
        it.params.clone_from(name);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{
        super::{methods::methods, normalize, schema::Bundle, tables::Tables},
        *,
    };

    /// The methods of a bundle in which these have the same params, and its types.
    fn read(all: &[&str], definition: &str) -> Result<(Methods, Types)> {
        let object = json!({ "type": "object" });
        let arm = |method: &&str| -> Value {
            let params = json!({ "$ref": "#/definitions/ThingParams" });
            json!({ "properties": { "method": { "enum": [method] }, "params": params } })
        };
        let none = json!({ "oneOf": [] });
        let bundle = json!({ "definitions": {
            "ThingParams": object, "ThingResponse": object, definition: object,
            "ClientRequest": { "oneOf": all.iter().map(arm).collect::<Vec<_>>() },
            "ServerRequest": none, "ServerNotification": none, "ClientNotification": none,
        }});
        let bundle = Bundle::parse("x.json", &bundle.to_string())?;
        let mut types = normalize::normalize(&bundle, &Tables::pinned())?;
        let methods = methods(&bundle, &mut types, &Tables::pinned())?;
        Ok((methods, types))
    }

    fn params(methods: &Methods) -> Vec<&str> {
        methods.requests.iter().map(|it| it.params.as_str()).collect()
    }

    #[test]
    fn a_method_that_shares_the_params_of_another_gets_a_copy() {
        let (methods, types) = read(&["thing/stream", "thing"], "Extra").unwrap();
        assert_eq!(params(&methods), ["ThingStreamParams", "ThingParams"]);
        assert!(methods.requests.iter().all(|it| it.response == "ThingResponse"));
        let copies: Vec<_> = types.iter().filter(|it| it.1.copy_of.is_some()).collect();
        assert_eq!(copies.len(), 1);
        assert_eq!(copies[0].0, "ThingStreamParams");

        let error = read(&["thing/stream", "thing"], "ThingStreamParams").unwrap_err().to_string();
        let expected =
            "`thing/stream`: shares the params `ThingParams`, but `ThingStreamParams` exists";
        assert_eq!(error, expected);
        // Of two that the params are not named after, neither is the one that keeps them.
        let error = read(&["thing/stream", "thing/list"], "Extra").unwrap_err();
        assert_eq!(error.to_string(), "`thing/list`: shares the params `ThingParams`");
    }

    #[test]
    fn a_method_that_is_alone_among_what_is_stable_has_its_own_params_there_too() {
        let (all, _) = read(&["thing/stream", "thing"], "Extra").unwrap();
        let (mut stable, mut types) = read(&["thing/stream"], "Extra").unwrap();
        assert_eq!(params(&stable), ["ThingParams"]);
        align(&mut stable, &mut types, &all);
        assert_eq!(params(&stable), ["ThingStreamParams"]);
        assert!(types.contains_key("ThingStreamParams"));
    }
}
