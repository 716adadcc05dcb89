//! The requests whose answer is one page of a list.

use proc_macro2::TokenStream;
use quote::quote;
use serde_json::Value;

use super::{
    super::{
        Error, Result,
        ir::{Field, Presence, Shape, Struct, Types},
        methods::Request,
        schema::reference,
    },
    Emitter, ident,
};

impl Emitter<'_> {
    /// Ties a request with a cursor to the items of its pages. Any other request gets nothing.
    pub(super) fn paged(&mut self, request: &Request) -> Result<TokenStream> {
        let (Some(params), Some(response)) =
            (structure(self.types, &request.params), structure(self.types, &request.response))
        else {
            return Ok(TokenStream::new());
        };
        let (Some(cursor), Some(data), Some(next)) =
            (field(params, "cursor"), field(response, "data"), field(response, "nextCursor"))
        else {
            return Ok(TokenStream::new());
        };
        let items = (data.schema.get("items"))
            .filter(|_| matches!(data.presence, Presence::Required | Presence::Default(_)))
            .ok_or_else(|| Error::at(&data.wire, "is no list that is always there"))?;
        if !is_optional_string(next) {
            return Err(Error::at(&next.wire, "is no string that may be absent"));
        }
        if !field(params, "limit").is_some_and(is_optional_u32) {
            return Err(Error::at("limit", "is missing, or no number that may be absent"));
        }
        let (get, set) = self.cursor(cursor).map_err(|it| it.within(&cursor.wire))?;
        let item = self.translator.ty(items)?;
        let params = ident(&request.params);
        Ok(quote! {
            impl Paged for #params {}
            impl PagedRequest for #params {
                type Item = #item;
                fn page_cursor(&self) -> Option<&str> {
                    #get
                }
                fn set_page_cursor(&mut self, cursor: String) {
                    self.cursor = Some(#set);
                }
                fn set_page_limit(&mut self, limit: u32) {
                    self.limit = Some(limit);
                }
                fn into_page(response: Self::Response) -> (Vec<Self::Item>, Option<String>) {
                    (response.data, response.next_cursor)
                }
            }
        })
    }

    /// How a cursor is read from the params, and what a string becomes there.
    fn cursor(&self, field: &Field) -> Result<(TokenStream, TokenStream)> {
        if is_optional_string(field) {
            return Ok((quote!(self.cursor.as_deref()), quote!(cursor)));
        }
        let name = reference(&field.schema).filter(|_| field.presence == Presence::Optional);
        if let Some(name) = name
            && let Some(Shape::Untagged(arms)) = self.types.get(name).map(|it| &it.shape)
            && let Some(arm) = arms.iter().find(|it| it.payload.as_ref().is_some_and(is_string))
        {
            let (union, variant) = (ident(name), ident(&arm.name));
            let get = quote! {
                match &self.cursor {
                    Some(#union::#variant(it)) => Some(it),
                    _ => None,
                }
            };
            return Ok((get, quote!(#union::#variant(cursor))));
        }
        Err(Error::new(format!("is no cursor that is known: {}", field.schema)))
    }
}

fn structure<'a>(types: &'a Types, name: &str) -> Option<&'a Struct> {
    match types.get(name).map(|it| &it.shape) {
        Some(Shape::Struct(it)) => Some(it),
        _ => None,
    }
}

fn field<'a>(body: &'a Struct, wire: &str) -> Option<&'a Field> {
    body.fields.iter().find(|it| it.wire == wire)
}

fn is_optional_string(field: &Field) -> bool {
    matches!(field.presence, Presence::Optional | Presence::Nullable) && is_string(&field.schema)
}

fn is_optional_u32(field: &Field) -> bool {
    field.presence == Presence::Optional
        && field.schema.get("format").and_then(Value::as_str) == Some("uint32")
}

fn is_string(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("string")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::super::{Input, Result, Scope, generate};

    /// What is generated for one method with this cursor and this response, without blanks.
    fn generated(cursor: &Value, response: &Value) -> Result<String> {
        let limit = json!({ "type": ["integer", "null"], "format": "uint32", "minimum": 0 });
        generated_with(&json!({ "cursor": cursor, "limit": limit }), response)
    }

    fn generated_with(params: &Value, response: &Value) -> Result<String> {
        // What cannot be null is always there.
        let required = |properties: &Value| -> Vec<String> {
            let all = properties.as_object().unwrap().iter();
            all.filter(|it| it.1["type"].is_string()).map(|it| it.0.clone()).collect()
        };
        let (in_params, in_response) = (required(params), required(response));
        let method = json!({ "properties": {
            "method": { "enum": ["ask"] },
            "params": { "$ref": "#/definitions/AskParams" },
        }});
        let place = json!({ "type": "object", "properties": { "at": { "type": "integer" } } });
        let bundle = json!({ "definitions": {
            "AskParams": { "type": "object", "properties": params, "required": in_params },
            "AskResponse": { "type": "object", "properties": response, "required": in_response },
            "Where": { "anyOf": [{ "type": "string" }, { "$ref": "#/definitions/Place" }] },
            "Place": place,
            "ClientRequest": { "oneOf": [method] },
            "ClientNotification": { "oneOf": [] },
            "ServerRequest": { "oneOf": [] },
            "ServerNotification": { "oneOf": [] },
        }});
        let bundle = bundle.to_string();
        let pin = json!({ "runtime": "1.2.3" }).to_string();
        let input = Input { stable: bundle.clone(), experimental: bundle, pin, since: None };
        let code = generate(&input, Scope::Experimental)?.protocol;
        Ok(code.split_whitespace().collect())
    }

    fn text() -> Value {
        json!({ "type": ["string", "null"] })
    }

    fn page() -> Value {
        json!({ "data": { "type": "array", "items": { "type": "string" } }, "nextCursor": text() })
    }

    #[test]
    fn a_cursor_and_a_next_cursor_make_a_list() {
        let code = generated(&text(), &page()).unwrap();
        assert!(code.contains("implPagedRequestforAskParams{typeItem=String;"), "{code}");
        assert!(code.contains("self.cursor.as_deref()"), "{code}");
        assert!(code.contains("self.cursor=Some(cursor);"), "{code}");
    }

    #[test]
    fn a_cursor_that_is_one_of_several_things_is_the_string_among_them() {
        let code = generated(&json!({ "$ref": "#/definitions/Where" }), &page()).unwrap();
        assert!(code.contains("Some(Where::String(it))=>Some(it),_=>None,"), "{code}");
        assert!(code.contains("self.cursor=Some(Where::String(cursor));"), "{code}");
    }

    #[test]
    fn without_a_cursor_there_or_a_next_one_it_is_no_list() {
        let code = generated(&text(), &json!({ "data": page()["data"] })).unwrap();
        assert!(!code.contains("PagedRequest"), "{code}");
        let limit = json!({ "limit": { "type": ["integer", "null"], "format": "uint32" } });
        let code = generated_with(&limit, &page()).unwrap();
        assert!(!code.contains("PagedRequest"), "{code}");
    }

    #[test]
    fn a_next_cursor_that_is_always_there_makes_no_list() {
        let mut next = page();
        next["nextCursor"] = json!({ "type": "string" });
        let error = generated(&text(), &next).unwrap_err().to_string();
        assert!(error.contains("`nextCursor`: is no string that may be absent"), "{error}");
    }

    #[test]
    fn a_cursor_that_is_always_there_is_not_known() {
        let error = generated(&json!({ "type": "string" }), &page()).unwrap_err().to_string();
        assert!(error.contains("`cursor`: is no cursor that is known"), "{error}");
    }

    #[test]
    fn a_list_of_unknown_shape_is_an_error_that_names_the_method_and_the_property() {
        let number = json!({ "type": ["integer", "null"] });
        for (cursor, response, expected) in [
            (number.clone(), page(), "`ask`: `cursor`: is no cursor that is known"),
            (
                text(),
                json!({ "data": { "type": "string" }, "nextCursor": text() }),
                "`ask`: `data`: is no list that is always there",
            ),
            (
                text(),
                json!({ "data": page()["data"], "nextCursor": number }),
                "`ask`: `nextCursor`: is no string that may be absent",
            ),
        ] {
            let error = generated(&cursor, &response).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        let error = generated_with(&json!({ "cursor": text() }), &page()).unwrap_err().to_string();
        assert!(error.starts_with("`ask`: `limit`: is missing"), "{error}");
    }
}
