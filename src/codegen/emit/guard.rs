//! What tells that params use something that not every runtime takes, or not from every client.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use serde_json::Value;

use super::{
    super::{
        Result,
        ir::{Arm, Presence, Shape, Struct, Type, Types},
        methods::Request,
        schema::visit_references,
        since::{FirstIn, Release},
    },
    Emitter, ident,
};

/// The types that the client sends and that have something in them, at any depth, that has to be
/// looked for.
pub(super) struct Guarded {
    /// Something experimental, without being so as a whole.
    experimental: BTreeSet<String>,
    /// Something that older runtimes lack.
    recent: BTreeSet<String>,
}

impl Guarded {
    pub(super) fn of(types: &Types) -> Self {
        let experimental = holders(types, &|ty| !ty.experimental, &|mark| mark.experimental);
        let recent = holders(types, &|_| true, &|mark| !mark.since.is_old());
        Self { experimental, recent }
    }

    /// Whether what has this mark has to be searched, which `schema` is about. What is experimental
    /// itself is refused before anything experimental inside of it is.
    fn is_in(&self, schema: &Value, mark: Mark) -> bool {
        let mut res = false;
        visit_references(schema, &mut |it| {
            res |= self.recent.contains(it) || !mark.experimental && self.experimental.contains(it);
        });
        res
    }
}

/// What is said of a property, a case or a method.
#[derive(Clone, Copy)]
struct Mark {
    experimental: bool,
    since: FirstIn,
}

/// The types of the client that `is_eligible` lets through and that have a mark of this kind.
fn holders(
    types: &Types,
    is_eligible: &dyn Fn(&Type) -> bool,
    is_it: &dyn Fn(Mark) -> bool,
) -> BTreeSet<String> {
    let mut res = BTreeSet::new();
    loop {
        let is_new = |(name, ty): &(&String, &Type)| {
            ty.input && is_eligible(ty) && !res.contains(*name) && holds(ty, is_it, &res)
        };
        let new: Vec<String> = types.iter().filter(is_new).map(|it| it.0.clone()).collect();
        if new.is_empty() {
            return res;
        }
        res.extend(new);
    }
}

fn holds(ty: &Type, is_it: &dyn Fn(Mark) -> bool, known: &BTreeSet<String>) -> bool {
    let refers = |schema: &Value| {
        let mut res = false;
        visit_references(schema, &mut |it| res |= known.contains(it));
        res
    };
    match &ty.shape {
        Shape::Struct(it) => it.fields.iter().any(|it| {
            is_it(Mark { experimental: it.experimental, since: it.since }) || refers(&it.schema)
        }),
        Shape::Strings(arms)
        | Shape::External(arms)
        | Shape::Untagged(arms)
        | Shape::Tagged { arms, .. } => arms.iter().any(|it| {
            is_it(Mark { experimental: it.experimental, since: it.since })
                || it.payload.as_ref().is_some_and(refers)
        }),
        Shape::Alias(it) => refers(it),
        Shape::Unit | Shape::OpenString => false,
    }
}

impl Emitter<'_> {
    pub(super) fn guard(&mut self, name: &str, ty: &Type) -> Result<TokenStream> {
        let Guarded { experimental, recent } = &self.guarded;
        if !experimental.contains(name) && !recent.contains(name) {
            return Ok(TokenStream::new());
        }
        let body = match &ty.shape {
            Shape::Struct(body) => self.in_struct(name, body)?,
            Shape::Strings(arms)
            | Shape::External(arms)
            | Shape::Untagged(arms)
            | Shape::Tagged { arms, .. } => self.in_union(arms),
            // What an alias stands for has it.
            Shape::Alias(_) | Shape::Unit | Shape::OpenString => return Ok(TokenStream::new()),
        };
        let name = ident(name);
        Ok(quote! {
            impl Guarded for #name {
                fn unavailable(&self, offer: &Offer) -> Option<Unavailable> {
                    #body
                }
            }
        })
    }

    fn in_struct(&mut self, name: &str, body: &Struct) -> Result<TokenStream> {
        let types = self.translator.fields(name, body)?;
        let mut checks = Vec::new();
        for field in &body.fields {
            let (wire, ident) = (&field.wire, &types[&field.wire].ident);
            let mark = Mark { experimental: field.experimental, since: field.since };
            let is_used = match &field.presence {
                Presence::Required | Presence::Nullable => quote!(true),
                Presence::Optional | Presence::ThreeState => quote!(self.#ident.is_some()),
                Presence::Default(it) => {
                    let default = self.default_value(&field.schema, it)?;
                    quote!(self.#ident != #default)
                }
            };
            checks.push(needs(mark, &quote!(#wire), &is_used));
            if self.guarded.is_in(&field.schema, mark) {
                checks.push(quote!(.inside(#wire, &self.#ident)));
            }
        }
        Ok(quote!(Uses::of(offer) #(#checks)* .found()))
    }

    fn in_union(&self, arms: &[Arm]) -> TokenStream {
        let mut groups: Vec<(String, Vec<TokenStream>, TokenStream)> = Vec::new();
        for arm in arms {
            let mark = Mark { experimental: arm.experimental, since: arm.since };
            let checks = needs(mark, &quote!(""), &quote!(true));
            let is_in = arm.payload.as_ref().is_some_and(|it| self.guarded.is_in(it, mark));
            if checks.is_empty() && !is_in {
                continue;
            }
            let variant = pattern(arm, is_in);
            let body = match (checks.is_empty(), is_in) {
                (true, _) => quote!(it.unavailable(offer)),
                (false, true) => quote!(Uses::of(offer) #checks .inside("", it).found()),
                (false, false) => quote!(Uses::of(offer) #checks .found()),
            };
            match groups.last_mut().filter(|it| !is_in && it.0 == body.to_string()) {
                Some((_, variants, _)) => variants.push(variant),
                None => groups.push((body.to_string(), vec![variant], body)),
            }
        }
        let arms = groups.iter().map(|(_, variants, body)| quote!(#(#variants)|* => #body));
        quote!(match self { #(#arms,)* _ => None })
    }
}

/// The releases that the marks name.
pub(super) fn releases(types: &Types, requests: &[Request]) -> BTreeSet<Release> {
    let mut res = BTreeSet::new();
    let mut add = |it: FirstIn| res.extend(it.any.into_iter().chain(it.stable));
    for it in requests {
        add(it.since);
    }
    for ty in types.values() {
        match &ty.shape {
            Shape::Struct(it) => it.fields.iter().for_each(|it| add(it.since)),
            Shape::Strings(arms)
            | Shape::External(arms)
            | Shape::Untagged(arms)
            | Shape::Tagged { arms, .. } => arms.iter().for_each(|it| add(it.since)),
            Shape::Alias(_) | Shape::Unit | Shape::OpenString => (),
        }
    }
    res
}

/// What a request says of itself beyond what every request does.
pub(super) fn of_request(request: &Request, guarded: &Guarded) -> TokenStream {
    let mark = Mark { experimental: request.experimental, since: request.since };
    let is_in = guarded.is_in(&super::super::schema::reference_to(&request.params), mark);
    if mark.since.is_old() && !is_in {
        return TokenStream::new();
    }
    let needs = needs(mark, &quote!(Self::METHOD), &quote!(true));
    let inside = is_in.then(|| quote!(.inside(Self::METHOD, self)));
    quote! {
        fn unavailable(&self, offer: &Offer) -> Option<Unavailable> {
            Uses::of(offer) #needs #inside .found()
        }
    }
}

fn pattern(arm: &Arm, is_bound: bool) -> TokenStream {
    let variant: Ident = ident(&arm.name);
    match (&arm.payload, is_bound) {
        (None, _) => quote!(Self::#variant),
        (Some(_), true) => quote!(Self::#variant(it)),
        (Some(_), false) => quote!(Self::#variant(_)),
    }
}

fn needs(mark: Mark, what: &TokenStream, is_used: &TokenStream) -> TokenStream {
    let Mark { experimental, since: FirstIn { any, stable } } = mark;
    let experimental = experimental.then(|| quote!(.experimental(#what, #is_used)));
    let since = any.map(|it| quote!(.since(#what, #is_used, #it)));
    let stable = stable.map(|it| quote!(.stable_since(#what, #is_used, #it)));
    quote!(#experimental #since #stable)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::super::{Input, Scope, generate};

    /// One method, whose params have some properties, one of which is a union.
    fn bundle(properties: &Value, cases: &[Value]) -> String {
        let method = json!({ "properties": {
            "method": { "enum": ["ask"] },
            "params": { "$ref": "#/definitions/AskParams" },
        }});
        let bundle = json!({ "definitions": {
            "AskParams": { "type": "object", "properties": properties, "required": ["way"] },
            "AskResponse": { "type": "object", "properties": { "said": { "type": "string" } } },
            "Way": { "oneOf": cases },
            "ClientRequest": { "oneOf": [method] },
            "ClientNotification": { "oneOf": [] },
            "ServerRequest": { "oneOf": [] },
            "ServerNotification": { "oneOf": [] },
        }});
        bundle.to_string()
    }

    fn case(name: &str, properties: &[&str]) -> Value {
        let properties =
            properties.iter().map(|it| ((*it).to_owned(), json!({ "type": "string" })));
        let mut properties: serde_json::Map<_, _> = properties.collect();
        properties.insert("type".to_owned(), json!({ "type": "string", "enum": [name] }));
        json!({ "type": "object", "properties": properties, "required": ["type"] })
    }

    /// What is generated, without blanks.
    fn generated(scope: Scope, since: Option<&Value>) -> Result<String, String> {
        let way = json!({ "$ref": "#/definitions/Way" });
        let loud = json!({ "type": "boolean", "default": true });
        let input = Input {
            stable: bundle(&json!({ "way": way }), &[case("back", &[]), case("home", &[])]),
            experimental: bundle(
                &json!({ "way": way, "loud": loud, "word": { "type": "string" } }),
                &[case("back", &["speed"]), case("home", &[]), case("away", &[])],
            ),
            pin: json!({ "runtime": "1.2.3" }).to_string(),
            since: since.map(Value::to_string),
        };
        let code = generate(&input, scope).map_err(|it| it.to_string())?.protocol;
        Ok(code.split_whitespace().collect())
    }

    #[test]
    fn properties_defaults_cases_and_what_is_inside_of_cases_count() {
        let code = generated(Scope::Experimental, None).unwrap();
        for part in [
            "Uses::of(offer).experimental(\"loud\",self.loud!=true).inside(\"way\",&self.way)\
             .experimental(\"word\",self.word.is_some()).found()",
            "Self::Back(it)=>it.unavailable(offer),\
             Self::Away(_)=>Uses::of(offer).experimental(\"\",true).found(),_=>None",
            "Uses::of(offer).experimental(\"speed\",self.speed.is_some()).found()",
            "Uses::of(offer).inside(Self::METHOD,self).found()",
        ] {
            assert!(code.contains(part), "{part}");
        }
        let code = generated(Scope::Stable, None).unwrap();
        assert!(!code.contains("implGuarded"), "{code}");
    }

    #[test]
    fn inside_of_what_is_experimental_itself_nothing_experimental_is_looked_for() {
        let way = json!({ "$ref": "#/definitions/Way" });
        let cases = [case("back", &["speed"]), case("home", &[])];
        let input = Input {
            stable: bundle(&json!({ "way": way }), &[case("back", &[]), case("home", &[])]),
            experimental: bundle(&json!({ "way": way, "detour": way }), &cases),
            pin: json!({ "runtime": "1.2.3" }).to_string(),
            since: None,
        };
        let code = generate(&input, Scope::Experimental).unwrap().protocol;
        let code: String = code.split_whitespace().collect();
        let expected = "Uses::of(offer).experimental(\"detour\",self.detour.is_some())\
                        .inside(\"way\",&self.way).found()";
        assert!(code.contains(expected), "{code}");
    }

    /// A list in which everything is of release 1.2.0, and some was experimental until 1.2.3.
    fn since(methods: &[&str], members: &[&str], stable: &[&str]) -> Value {
        let dated = |all: &[&str], release: &str| -> serde_json::Map<_, _> {
            all.iter().map(|it| ((*it).to_owned(), json!(release))).collect()
        };
        json!({
            "releases": ["1.0.0", "1.2.0", "1.2.3"],
            "experimental": { "methods": dated(methods, "1.2.0"), "members": dated(members, "1.2.0") },
            "stable": { "methods": {}, "members": dated(stable, "1.2.3") },
        })
    }

    #[test]
    fn what_older_runtimes_lack_is_looked_for_and_said_in_the_docs() {
        let members = ["AskParams.word", "BackWay.speed", "Way.away", "Way.home"];
        let since = since(&["ask"], &members, &["AskParams.way"]);
        let code = generated(Scope::Experimental, Some(&since)).unwrap();
        for part in [
            "constV1_2_0:Release=Release::new(1,2,0);constV1_2_3:Release=Release::new(1,2,3);",
            "Uses::of(offer).since(Self::METHOD,true,V1_2_0).inside(Self::METHOD,self).found()",
            ".stable_since(\"way\",true,V1_2_3).inside(\"way\",&self.way)\
             .experimental(\"word\",self.word.is_some()).since(\"word\",self.word.is_some(),V1_2_0)",
            "Self::Home(_)=>Uses::of(offer).since(\"\",true,V1_2_0).found(),",
            "Uses::of(offer).experimental(\"\",true).since(\"\",true,V1_2_0).found()",
            "///Paramsof`ask`.//////Sinceruntime1.2.0.#[derive",
            "///Theproperty`way`.//////Experimentalbeforeruntime1.2.3.pubway:Way,",
            "notpartofthestableprotocol.Sinceruntime1.2.0.pubword:Option<String>,",
            "///The`home`caseof[`Way`].//////Sinceruntime1.2.0.#[derive",
        ] {
            assert!(code.contains(part), "{part} in {code}");
        }
        // The stable part has not all of it.
        let code = generated(Scope::Stable, Some(&since)).unwrap();
        assert!(code.contains("Self::Home(_)=>Uses::of(offer).since(\"\",true,V1_2_0)"), "{code}");
        assert!(!code.contains("word"), "{code}");
    }

    #[test]
    fn what_is_listed_and_cannot_be_sent_is_an_error_that_names_it() {
        for (since, name) in [
            (since(&["gone"], &[], &[]), "gone"),
            (since(&[], &["AskParams.gone"], &[]), "AskParams.gone"),
            (since(&[], &["Gone.way"], &[]), "Gone.way"),
            (since(&[], &["Way.gone"], &[]), "Way.gone"),
            (since(&[], &["Way"], &[]), "Way"),
            (since(&[], &[], &["AskParams.gone"]), "AskParams.gone"),
            // The server says it, and no client does.
            (since(&[], &["AskResponse.said"], &[]), "AskResponse.said"),
        ] {
            let error = generated(Scope::Experimental, Some(&since)).unwrap_err();
            let complaint = format!(
                "schema/since.json lists `{name}`, which no client can send any more; `cargo xtask \
                 since --all` makes it anew"
            );
            assert_eq!(error, complaint);
            generated(Scope::Stable, Some(&since)).unwrap();
        }
    }
}
