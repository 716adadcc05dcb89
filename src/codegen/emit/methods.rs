//! The methods: traits on params types, enums over them, and the registries.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::quote;

use super::{
    super::{
        Result,
        docs::Doc,
        methods::{Methods, Notification, Request},
        names,
        since::FirstIn,
    },
    guard::{self, Guarded},
    ident,
};

pub(super) fn emit(methods: &Methods, guarded: &Guarded) -> Result<TokenStream> {
    let traits = traits(methods, guarded);
    let registries = registries(methods);
    let client_request = client_request(&methods.requests)?;
    let client_notification = client_notification(&methods.client_notifications)?;
    let server_request = server_request(&methods.server_requests)?;
    let server_notification = server_notification(&methods.notifications);
    let notification_codec = notification_codec(&methods.notifications);
    Ok(quote! {
        #traits #registries #client_request #client_notification #server_request
        #server_notification #notification_codec
    })
}

fn traits(methods: &Methods, guarded: &Guarded) -> TokenStream {
    let requests = methods.requests.iter().map(|it| {
        let (params, response) = (ident(&it.params), ident(&it.response));
        let (method, experimental) = (&it.method, it.experimental);
        let guard = guard::of_request(it, guarded);
        quote! {
            impl Request for #params {
                const METHOD: &'static str = #method;
                const EXPERIMENTAL: bool = #experimental;
                type Response = #response;
                #guard
            }
        }
    });
    let notifications = methods.notifications.iter().filter(|it| it.exclusive).map(|it| {
        let (params, method) = (ident(&it.params), &it.method);
        quote! {
            impl Notification for #params {
                const METHOD: &'static str = #method;
            }
        }
    });
    let calls = methods.server_requests.iter().map(|it| {
        let (params, response, method) = (ident(&it.params), ident(&it.response), &it.method);
        quote! {
            impl ServerCall for #params {
                const METHOD: &'static str = #method;
                type Response = #response;
            }
        }
    });
    quote!(#(#requests)* #(#notifications)* #(#calls)*)
}

fn registries(methods: &Methods) -> TokenStream {
    let client = methods.requests.iter().map(|it| &it.method);
    let notifications = methods.notifications.iter().map(|it| &it.method);
    let server = methods.server_requests.iter().map(|it| &it.method);
    quote! {
        /// Every method that a client can call.
        pub const CLIENT_METHODS: &[&str] = &[#(#client),*];
        /// Every notification that the server can send.
        pub const SERVER_NOTIFICATION_METHODS: &[&str] = &[#(#notifications),*];
        /// Every method that the server can call.
        pub const SERVER_REQUEST_METHODS: &[&str] = &[#(#server),*];
    }
}

fn client_request(requests: &[Request]) -> Result<TokenStream> {
    let (variants, arms, to_json) = request_parts(requests)?;
    Ok(quote! {
        /// Any request of the client, with its params.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum ClientRequest { #(#variants,)* }
        impl ClientRequest {
            /// The method on the wire.
            pub fn method(&self) -> &'static str {
                match self { #(#arms,)* }
            }
            pub(super) fn params(&self) -> Value {
                match self { #(#to_json,)* }
            }
        }
    })
}

fn server_request(requests: &[Request]) -> Result<TokenStream> {
    let (variants, arms, to_json) = request_parts(requests)?;
    let decode = requests.iter().map(|it| {
        let variant = ident(&request_variant(it));
        (it.method.as_str(), quote!(Self::#variant(Json::from_json_strict(params)?)))
    });
    let decode = by_length(decode, &quote!(return Ok(None)));
    Ok(quote! {
        /// Any request of the server, with its params.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum ServerRequest { #(#variants,)* }
        impl ServerRequest {
            /// The method on the wire.
            pub fn method(&self) -> &'static str {
                match self { #(#arms,)* }
            }
            pub(super) fn params(&self) -> Value {
                match self { #(#to_json,)* }
            }
            pub(super) fn decode_known(
                method: &str,
                params: &Value,
            ) -> Result<Option<Self>, DecodeError> {
                Ok(Some(#decode))
            }
        }
    })
}

/// The doc comment of the variant for a method.
fn method_doc(
    method: &str,
    description: Option<&str>,
    experimental: bool,
    since: FirstIn,
) -> TokenStream {
    let name = format!("`{method}`");
    Doc::new(description, &name, experimental).since(since).below(&name).print()
}

type Parts = (Vec<TokenStream>, Vec<TokenStream>, Vec<TokenStream>);

fn request_parts(requests: &[Request]) -> Result<Parts> {
    let all: Vec<_> = requests.iter().map(request_variant).collect();
    names::check_distinct(all.iter().map(String::as_str))?;
    let mut res = Parts::default();
    for it in requests {
        let (variant, params) = (ident(&request_variant(it)), ident(&it.params));
        let method = &it.method;
        let doc = method_doc(method, it.doc.as_deref(), it.experimental, it.since);
        res.0.push(quote!(#doc #variant(#params)));
        res.1.push(quote!(Self::#variant(_) => #method));
        res.2.push(quote!(Self::#variant(it) => it.to_json()));
    }
    Ok(res)
}

fn request_variant(it: &Request) -> String {
    it.params.strip_suffix("Params").unwrap_or(&it.params).to_owned()
}

fn client_notification(methods: &[String]) -> Result<TokenStream> {
    let mut variants = Vec::new();
    let mut arms = Vec::new();
    for method in methods {
        let variant = ident(&names::variant(method)?);
        let doc = method_doc(method, None, false, FirstIn::default());
        variants.push(quote!(#doc #variant));
        arms.push(quote!(Self::#variant => #method));
    }
    Ok(quote! {
        /// Any notification of the client. None of them has params.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum ClientNotification { #(#variants,)* }
        impl ClientNotification {
            /// The method on the wire.
            pub fn method(&self) -> &'static str {
                match self { #(#arms,)* }
            }
        }
    })
}

fn server_notification(notifications: &[Notification]) -> TokenStream {
    let variants = notifications.iter().map(|it| {
        let (variant, params) = (ident(&it.variant), ident(&it.params));
        let doc = method_doc(&it.method, it.doc.as_deref(), it.experimental, FirstIn::default());
        if it.is_streaming() {
            quote!(#doc #variant(#params))
        } else {
            quote!(#doc #variant(Box<#params>))
        }
    });
    quote! {
        /// Any notification of the server, with its params.
        ///
        /// What streams is here as it is. All else is boxed, so that the largest notification does
        /// not set the size of the most frequent one.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum ServerNotification {
            #(#variants,)*
            /// A notification that this version of the protocol does not know, or whose params it
            /// does not understand, as it was received.
            Unrecognized(RawMessage),
        }
    }
}

/// From params to variants and back.
fn notification_codec(notifications: &[Notification]) -> TokenStream {
    let methods = notifications.iter().map(|it| {
        let (variant, method) = (ident(&it.variant), &it.method);
        quote!(Self::#variant(_) => #method)
    });
    let params = notifications.iter().map(|it| {
        let variant = ident(&it.variant);
        quote!(Self::#variant(it) => it.to_json())
    });
    let decode = notifications.iter().map(|it| {
        let variant = ident(&it.variant);
        let params = quote!(Json::from_json_strict(params)?);
        let params = if it.is_streaming() { params } else { quote!(Box::new(#params)) };
        let body = quote!(Self::#variant(#params));
        (it.method.as_str(), body)
    });
    let decode = by_length(decode, &quote!(return Ok(None)));
    let streaming = notifications.iter().filter(|it| it.is_streaming());
    let stream = streaming.map(|it| {
        let (variant, params) = (ident(&it.variant), ident(&it.params));
        (it.method.as_str(), quote!(#params::deserialize(params).map(Self::#variant)))
    });
    let stream = by_length(stream, &quote!(return Ok(Err(params))));
    quote! {
        impl ServerNotification {
            /// The method on the wire.
            pub fn method(&self) -> &str {
                match self {
                    #(#methods,)*
                    Self::Unrecognized(it) => &it.method,
                }
            }
            pub(super) fn params(&self) -> Value {
                match self {
                    #(#params,)*
                    Self::Unrecognized(it) => it.params.clone(),
                }
            }
            pub(super) fn decode_known(
                method: &str,
                params: &Value,
            ) -> Result<Option<Self>, DecodeError> {
                Ok(Some(#decode))
            }
            /// Decodes what streams without a detour, or gives the deserializer back.
            pub(super) fn decode_streaming<'de, D: Deserializer<'de>>(
                method: &str,
                params: D,
            ) -> Result<Result<Self, D>, D::Error> {
                let res: Result<Self, D::Error> = #stream;
                res.map(Ok)
            }
        }
    }
}

/// A match over methods that compares lengths first: it runs for every message.
fn by_length<'a>(
    arms: impl Iterator<Item = (&'a str, TokenStream)>,
    otherwise: &TokenStream,
) -> TokenStream {
    let mut groups: BTreeMap<usize, Vec<TokenStream>> = BTreeMap::new();
    for (method, body) in arms {
        groups.entry(method.len()).or_default().push(quote!(#method => #body));
    }
    let groups = groups
        .iter()
        .map(|(len, arms)| quote!(#len => match method { #(#arms,)* _ => #otherwise }));
    quote!(match method.len() { #(#groups,)* _ => #otherwise })
}
