//! The methods of the protocol, each tied to its params and its response.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    Error, Result, copies,
    ir::{Shape, Type, Types},
    names,
    normalize::{alternatives, description},
    schema::{Bundle, reference},
    since::FirstIn,
    tables::Tables,
};

/// A request in either direction.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub method: String,
    pub params: String,
    pub response: String,
    pub doc: Option<String>,
    pub experimental: bool,
    /// Null is taken in the place of the params.
    pub takes_null: bool,
    /// The first runtime that has it.
    pub since: FirstIn,
}

/// A notification of the server.
#[derive(Clone, Debug)]
pub(crate) struct Notification {
    pub method: String,
    pub params: String,
    /// The variant of `ServerNotification`.
    pub variant: String,
    /// No other method has these params.
    pub exclusive: bool,
    pub doc: Option<String>,
    pub experimental: bool,
}

impl Notification {
    /// Carries one chunk of something that arrives in many: worth decoding without a detour.
    pub(super) fn is_streaming(&self) -> bool {
        self.method.to_lowercase().ends_with("delta")
    }
}

/// Everything that can be called or sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Methods {
    pub requests: Vec<Request>,
    pub notifications: Vec<Notification>,
    pub server_requests: Vec<Request>,
    pub client_notifications: Vec<String>,
}

/// Reads the method roots of `bundle`. Adds the params of methods that have none to `types`.
pub(super) fn methods(bundle: &Bundle, types: &mut Types, tables: &Tables<'_>) -> Result<Methods> {
    let mut res = Methods::default();
    for arm in arms(bundle, "ClientRequest")? {
        res.requests.push(request(arm, types, tables)?);
    }
    for arm in arms(bundle, "ServerRequest")? {
        res.server_requests.push(request(arm, types, tables)?);
    }
    for arm in arms(bundle, "ServerNotification")? {
        res.notifications.push(notification(arm, types, tables)?);
    }
    for arm in arms(bundle, "ClientNotification")? {
        let method = method_of(arm)?;
        if arm.get("properties").and_then(|it| it.get("params")).is_some() {
            return Err(Error::at(method, "is a client notification with params"));
        }
        res.client_notifications.push(method.to_owned());
    }
    name_notifications(&mut res.notifications)?;
    copies::separate(&mut res, types)?;
    check_unique(&res)?;
    check_responses(bundle, &res)?;
    Ok(res)
}

/// The methods that the client calls, each with the definition of its params, if it has any.
pub(super) fn client_methods(bundle: &Bundle) -> Result<BTreeMap<String, Option<String>>> {
    let method = |arm| {
        let method = method_of(arm)?;
        let schema = arm.pointer("/properties/params");
        let params = schema.map_or(Ok(None), params_name).map_err(|it| it.within(method))?;
        Ok((method.to_owned(), params))
    };
    arms(bundle, "ClientRequest")?.iter().map(method).collect()
}

/// Marks the methods of `methods` that `stable` lacks.
pub(super) fn mark_experimental(methods: &mut Methods, stable: &Methods) {
    let known = |it: &[Request]| it.iter().map(|it| it.method.clone()).collect::<BTreeSet<_>>();
    let (requests, server) = (known(&stable.requests), known(&stable.server_requests));
    let notifications: BTreeSet<_> = stable.notifications.iter().map(|it| &it.method).collect();
    for it in &mut methods.requests {
        it.experimental = !requests.contains(&it.method);
    }
    for it in &mut methods.server_requests {
        it.experimental = !server.contains(&it.method);
    }
    for it in &mut methods.notifications {
        it.experimental = !notifications.contains(&it.method);
    }
}

fn arms<'a>(bundle: &'a Bundle, root: &str) -> Result<&'a Vec<Value>> {
    let schema = bundle.definitions.get(root);
    schema.and_then(alternatives).ok_or_else(|| Error::at(root, "is missing or no union"))
}

fn method_of(arm: &Value) -> Result<&str> {
    let res = arm.pointer("/properties/method/enum/0").and_then(Value::as_str);
    res.ok_or_else(|| Error::new(format!("a method without a name: {arm}")))
}

fn request(arm: &Value, types: &mut Types, tables: &Tables<'_>) -> Result<Request> {
    let method = method_of(arm)?;
    let schema =
        arm.pointer("/properties/params").cloned().unwrap_or_else(|| json!({"type": "null"}));
    let named = params_name(&schema).map_err(|it| it.within(method))?;
    let mut response = match (tables.response(method), &named) {
        (Some(it), _) => it.to_owned(),
        (None, Some(params)) if params.ends_with("Params") => {
            format!("{}Response", params.trim_end_matches("Params"))
        }
        _ => format!("{}Response", names::pascal(method)),
    };
    if !types.contains_key(&response)
        && let Some(it) = tables.other_response(method)
    {
        it.clone_into(&mut response);
    }
    if !types.contains_key(&response) {
        return Err(Error::at(method, format!("has no response: there is no `{response}`")));
    }
    let params = match named {
        Some(it) => it,
        None => add_unit_params(method, &response, types)?,
    };
    if !types.contains_key(&params) {
        return Err(Error::at(method, format!("has no params: there is no `{params}`")));
    }
    Ok(Request {
        method: method.to_owned(),
        params,
        response,
        doc: doc(arm, tables),
        experimental: false,
        takes_null: takes_null(&schema),
        since: Default::default(),
    })
}

fn doc(arm: &Value, tables: &Tables<'_>) -> Option<String> {
    tables.without_heading(&description(arm)?).map(str::to_owned)
}

fn add_unit_params(method: &str, response: &str, types: &mut Types) -> Result<String> {
    let base = response.strip_suffix("Response").unwrap_or(response);
    let name = format!("{base}Params");
    match types.insert(name.clone(), Type::new(None, Shape::Unit)) {
        None => Ok(name),
        Some(_) => Err(Error::at(method, format!("takes no params, but `{name}` exists"))),
    }
}

/// The type of the params, or none when they are null.
fn params_name(schema: &Value) -> Result<Option<String>> {
    let null = json!({ "type": "null" });
    if *schema == null {
        return Ok(None);
    }
    let target = match alternatives(schema).map(Vec::as_slice) {
        None => reference(schema),
        Some([it, other]) if *other == null => reference(it),
        Some(_) => None,
    };
    let target =
        target.ok_or_else(|| Error::new(format!("has params of unknown shape: {schema}")))?;
    let inner =
        if names::is_nullable_wrapper(target) { &target["Nullable".len()..] } else { target };
    Ok(Some(inner.to_owned()))
}

fn takes_null(params: &Value) -> bool {
    let null = json!({ "type": "null" });
    *params == null
        || alternatives(params).is_some_and(|it| it.contains(&null))
        || reference(params).is_some_and(names::is_nullable_wrapper)
}

fn notification(arm: &Value, types: &Types, tables: &Tables<'_>) -> Result<Notification> {
    let method = method_of(arm)?;
    let target = arm.pointer("/properties/params").and_then(reference);
    let params = target.ok_or_else(|| Error::at(method, "is a notification without params"))?;
    if !types.contains_key(params) {
        return Err(Error::at(method, format!("has no params: there is no `{params}`")));
    }
    Ok(Notification {
        method: method.to_owned(),
        params: params.to_owned(),
        variant: String::new(),
        exclusive: true,
        doc: doc(arm, tables),
        experimental: false,
    })
}

/// Variants are named after the params, or after the method where several share them.
fn name_notifications(notifications: &mut [Notification]) -> Result<()> {
    let all: Vec<String> = notifications.iter().map(|it| it.params.clone()).collect();
    for it in &mut *notifications {
        it.exclusive = all.iter().filter(|params| **params == it.params).count() == 1;
        it.variant = if it.exclusive {
            it.params.strip_suffix("Notification").unwrap_or(&it.params).to_owned()
        } else {
            names::variant(&it.method)?
        };
    }
    names::check_distinct(notifications.iter().map(|it| it.variant.as_str()))
        .map_err(|it| it.within("ServerNotification"))
}

/// One params type belongs to one request, or the traits could not tell the method.
fn check_unique(methods: &Methods) -> Result<()> {
    let mut seen = BTreeSet::new();
    for it in methods.requests.iter().chain(&methods.server_requests) {
        if !seen.insert(&it.params) {
            return Err(Error::at(&it.method, format!("shares the params `{}`", it.params)));
        }
    }
    Ok(())
}

/// Every response of the schema answers some method.
fn check_responses(bundle: &Bundle, methods: &Methods) -> Result<()> {
    let used: BTreeSet<&str> = methods
        .requests
        .iter()
        .chain(&methods.server_requests)
        .map(|it| it.response.as_str())
        .collect();
    let is_response = |it: &&String| it.ends_with("Response") && !it.starts_with("JSONRPC");
    match bundle.definitions.keys().filter(is_response).find(|it| !used.contains(it.as_str())) {
        None => Ok(()),
        Some(it) => Err(Error::at(it, "answers no method")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::normalize;
    use super::*;

    /// A bundle with one client method, one of the server and the given notifications.
    fn read(client: &Value, notifications: &[(&str, &str)]) -> Result<Methods> {
        let arm = |method: &str, params: &Value| json!({ "properties": { "method": { "enum": [method] }, "params": params } });
        let reference = |it: &str| json!({ "$ref": format!("#/definitions/{it}") });
        let told: Vec<_> = notifications.iter().map(|it| arm(it.0, &reference(it.1))).collect();
        let empty = json!({ "type": "object" });
        let bundle = json!({ "definitions": {
            "AskParams": empty, "AskResponse": empty,
            "ThingParams": empty, "ThingResponse": empty,
            "AlphaNotification": empty, "BetaNotification": empty,
            "ClientRequest": { "oneOf": [client] },
            "ServerRequest": { "oneOf": [arm("ask", &reference("AskParams"))] },
            "ServerNotification": { "oneOf": told },
            "ClientNotification": { "oneOf": [{ "properties": { "method": { "enum": ["hi"] } } }] },
        }});
        let bundle = Bundle::parse("x.json", &bundle.to_string())?;
        let tables = Tables::pinned();
        let mut types = normalize::normalize(&bundle, &tables)?;
        methods(&bundle, &mut types, &tables)
    }

    fn call(method: &str, params: &Value) -> Value {
        json!({ "properties": { "method": { "enum": [method] }, "params": params } })
    }

    #[test]
    fn a_response_is_found_by_the_name_of_the_params_or_of_the_method() {
        let named =
            read(&call("x/y", &json!({ "$ref": "#/definitions/ThingParams" })), &[]).unwrap();
        assert_eq!(named.requests[0].response, "ThingResponse");
        let unit = json!({ "type": "null" });
        let error = read(&call("thing", &unit), &[]).unwrap_err().to_string();
        assert_eq!(error, "`thing`: takes no params, but `ThingParams` exists");
    }

    #[test]
    fn a_method_without_a_response_is_an_error_that_names_it() {
        let error = read(&call("no/such", &json!({ "type": "null" })), &[]).unwrap_err();
        assert_eq!(error.to_string(), "`no/such`: has no response: there is no `NoSuchResponse`");
    }

    #[test]
    fn a_response_of_an_older_runtime_counts_only_where_the_rule_finds_none() {
        let read = |definitions: &[&str]| {
            let method = "account/usage/read";
            let arm = call(method, &json!({ "type": "null" }));
            let mut types = Types::new();
            for it in definitions {
                types.insert((*it).to_owned(), Type::new(None, Shape::Unit));
            }
            request(&arm, &mut types, &Tables::pinned()).map(|it| it.response)
        };
        let (rule, older) = ("AccountUsageReadResponse", "GetAccountTokenUsageResponse");
        assert_eq!(read(&[older]).unwrap(), older);
        assert_eq!(read(&[older, rule]).unwrap(), rule);
        read(&[]).unwrap_err();
    }

    #[test]
    fn params_of_unknown_shape_are_an_error_that_names_the_method() {
        let error = read(&call("x/y", &json!({ "type": "string" })), &[]).unwrap_err();
        assert!(error.to_string().starts_with("`x/y`: has params of unknown shape"), "{error}");
    }

    #[test]
    fn notifications_that_share_params_are_named_after_their_methods() {
        let client = call("x/y", &json!({ "$ref": "#/definitions/ThingParams" }));
        let told = [
            ("a", "AlphaNotification"),
            ("b/on", "BetaNotification"),
            ("b/off", "BetaNotification"),
        ];
        let methods = read(&client, &told).unwrap();
        let names: Vec<_> = methods.notifications.iter().map(|it| it.variant.as_str()).collect();
        assert_eq!(names, ["Alpha", "BOn", "BOff"]);
        assert!(methods.notifications[0].exclusive && !methods.notifications[1].exclusive);
    }

    #[test]
    fn what_ends_in_delta_streams() {
        let client = call("x/y", &json!({ "$ref": "#/definitions/ThingParams" }));
        let told = [("a/textDelta", "AlphaNotification"), ("b/deltas", "BetaNotification")];
        let methods = read(&client, &told).unwrap();
        let streaming: Vec<_> =
            methods.notifications.iter().map(Notification::is_streaming).collect();
        assert_eq!(streaming, [true, false]);
    }
}
