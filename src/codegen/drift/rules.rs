//! Why a change breaks somebody, or nobody. The ids are part of the reports: they do not change.

/// One reason.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rule {
    pub id: &'static str,
    pub breaks: Breaks,
    /// One sentence.
    pub why: &'static str,
}

/// What a rule finds broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Breaks {
    /// A program with the old bindings, used as documented, fails or loses what it relied on.
    Wire,
    /// A program has to be changed before it compiles with the new bindings.
    Source,
    Nothing,
}

macro_rules! rules {
    ($($name:ident: $id:literal, $breaks:ident, $why:literal;)*) => {
        $(pub(super) static $name: Rule = Rule { id: $id, breaks: Breaks::$breaks, why: $why };)*

        /// All of them.
        #[cfg(test)]
        pub(super) static RULES: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    CLIENT_METHOD_ADDED: "client-method-added", Nothing,
        "Nobody calls a method that the old bindings do not have.";
    CLIENT_METHOD_REMOVED: "client-method-removed", Wire,
        "The runtime refuses a method that it has no more.";
    CLIENT_METHOD_EXPERIMENTAL: "client-method-became-experimental", Wire,
        "The runtime refuses the method unless the client asked for the experimental API.";
    CLIENT_METHOD_STABLE: "client-method-became-stable", Nothing,
        "The method is open to clients that did not ask for the experimental API, too.";
    CLIENT_FIELD_ADDED: "client-field-added", Nothing,
        "The property may be left out, as the old bindings do.";
    CLIENT_FIELD_ADDED_REQUIRED: "client-field-added-required", Wire,
        "The runtime refuses an object without the property, and the old bindings do not send it.";
    CLIENT_FIELD_REMOVED: "client-field-removed", Wire,
        "The runtime silently ignores the property.";
    CLIENT_FIELD_EXPERIMENTAL: "client-field-became-experimental", Wire,
        "The runtime refuses the property unless the client asked for the experimental API.";
    CLIENT_FIELD_STABLE: "client-field-became-stable", Nothing,
        "The property is open to clients that did not ask for the experimental API, too.";
    CLIENT_FIELD_REQUIRED: "client-field-required", Wire,
        "The runtime refuses an object without the property, which old programs leave out.";
    CLIENT_FIELD_OPTIONAL: "client-field-optional", Nothing,
        "The property may still be given.";
    CLIENT_CHOICE_REQUIRED: "client-choice-required", Wire,
        "One of several properties has to be there, and old programs may send none of them.";
    CLIENT_CHOICE_DROPPED: "client-choice-dropped", Nothing,
        "Sending one of several properties is still fine.";
    CLIENT_NULL_REFUSED: "client-null-refused", Wire,
        "The runtime refuses the null that old programs send.";
    CLIENT_NULL_NEVER_SENT: "client-null-never-sent", Nothing,
        "The old bindings leave the property out instead of sending the null that is refused now.";
    CLIENT_NULL_TAKEN: "client-null-taken", Nothing,
        "A value is still taken.";
    CLIENT_DEFAULT_CHANGED: "client-default-changed", Wire,
        "Leaving the property out means something else, and the old bindings leave the old default \
         out.";
    CLIENT_DEFAULT_STATED: "client-default-stated", Nothing,
        "The schema now says what leaving the property out means.";
    CLIENT_TYPE_CHANGED: "client-type-changed", Wire,
        "The runtime refuses some values of the old type.";
    CLIENT_TYPE_WIDENED: "client-type-widened", Nothing,
        "Every value of the old type is still taken.";
    CLIENT_VALUE_ADDED: "client-value-added", Nothing,
        "Nobody sends what the old bindings do not have.";
    CLIENT_VALUE_REMOVED: "client-value-removed", Wire,
        "The runtime refuses the value.";
    CLIENT_VALUE_EXPERIMENTAL: "client-value-became-experimental", Wire,
        "The runtime refuses the value unless the client asked for the experimental API.";
    CLIENT_VALUE_STABLE: "client-value-became-stable", Nothing,
        "The value is open to clients that did not ask for the experimental API, too.";

    SERVER_NOTIFICATION_ADDED: "server-notification-added", Nothing,
        "It arrives as `Unrecognized`.";
    SERVER_NOTIFICATION_REMOVED: "server-notification-removed", Wire,
        "Who waits for the notification waits in vain.";
    SERVER_NOTIFICATION_EXPERIMENTAL: "server-notification-became-experimental", Wire,
        "Who did not ask for the experimental API cannot count on the notification.";
    SERVER_NOTIFICATION_STABLE: "server-notification-became-stable", Nothing,
        "Clients that did not ask for the experimental API can count on it, too.";
    SERVER_REQUEST_ADDED: "server-request-added", Nothing,
        "The old bindings refuse it with -32601.";
    SERVER_REQUEST_REMOVED: "server-request-removed", Nothing,
        "A handler that is never called harms nobody.";
    SERVER_REQUEST_EXPERIMENTAL: "server-request-became-experimental", Nothing,
        "A handler that is not called without the experimental API harms nobody.";
    SERVER_REQUEST_STABLE: "server-request-became-stable", Nothing,
        "Clients that did not ask for the experimental API are asked, too, and refuse with -32601.";
    SERVER_FIELD_ADDED: "server-field-added", Nothing,
        "The property is kept in `unrecognized`.";
    SERVER_REQUIRED_FIELD_REMOVED: "server-required-field-removed", Wire,
        "The old bindings cannot decode an object without the property.";
    SERVER_OPTIONAL_FIELD_REMOVED: "server-optional-field-removed", Nothing,
        "The property could be absent before.";
    SERVER_REQUIRED_FIELD_EXPERIMENTAL: "server-required-field-became-experimental", Wire,
        "The old bindings cannot decode an object without the property, which is sure to be there \
         for the experimental API only.";
    SERVER_OPTIONAL_FIELD_EXPERIMENTAL: "server-optional-field-became-experimental", Nothing,
        "The property could be absent before.";
    SERVER_FIELD_STABLE: "server-field-became-stable", Nothing,
        "Clients that did not ask for the experimental API can count on it, too.";
    SERVER_FIELD_OPTIONAL: "server-field-optional", Wire,
        "The old bindings cannot decode an object without the property.";
    SERVER_FIELD_REQUIRED: "server-field-required", Nothing,
        "The property could be there before.";
    SERVER_NULL_SENT: "server-null-sent", Wire,
        "The old bindings cannot decode null here.";
    SERVER_NULL_IS_ABSENCE: "server-null-is-absence", Nothing,
        "The old bindings take null for absence here.";
    SERVER_NULL_GONE: "server-null-gone", Nothing,
        "The property could have a value before.";
    SERVER_DEFAULT_CHANGED: "server-default-changed", Wire,
        "The old bindings take absence for the old default.";
    SERVER_DEFAULT_STATED: "server-default-stated", Nothing,
        "The old bindings say that the property is absent.";
    SERVER_TYPE_CHANGED: "server-type-changed", Wire,
        "The old bindings cannot decode some values of the new type.";
    SERVER_TYPE_NARROWED: "server-type-narrowed", Nothing,
        "Every value of the new type was one of the old type.";
    SERVER_STRING_OPENED: "server-string-opened", Nothing,
        "What the old enum does not list arrives as `Unrecognized`.";
    SERVER_VALUE_ADDED: "server-value-added", Nothing,
        "It arrives as `Unrecognized`.";
    SERVER_CLOSED_VALUE_ADDED: "server-closed-value-added", Wire,
        "The enum is one of strings or integers, and has no `Unrecognized` for anything else.";
    SERVER_VALUE_REMOVED: "server-value-removed", Nothing,
        "A case that never arrives harms nobody.";
    SERVER_VALUE_EXPERIMENTAL: "server-value-became-experimental", Nothing,
        "A case that does not arrive without the experimental API harms nobody.";
    SERVER_VALUE_STABLE: "server-value-became-stable", Nothing,
        "Without the experimental API it arrived as `Unrecognized` at most.";

    SOURCE_METHOD_REMOVED: "source-method-removed", Source,
        "The method is no variant of the enum of its kind any more, or not without `experimental`.";
    SOURCE_METHOD_CHANGED: "source-method-changed", Source,
        "The params, the response or the variant of the method have another type or name.";
    SOURCE_PAGES_LOST: "source-pages-lost", Source,
        "The list can no longer be walked with `Codex::list`, or has other items.";
    SOURCE_PAGES_GAINED: "source-pages-gained", Nothing,
        "The list can be walked with `Codex::list` now.";
    SOURCE_TYPE_ADDED: "source-type-added", Nothing,
        "Nobody uses a type that the old bindings do not have.";
    SOURCE_TYPE_REMOVED: "source-type-removed", Source,
        "Code that names the type does not compile, or not without `experimental`.";
    SOURCE_TYPE_RENAMED: "source-type-renamed", Source,
        "Code that names the type has to use its new name.";
    SOURCE_TYPE_CHANGED: "source-type-changed", Source,
        "The type is of another kind, so that it is built and matched in another way.";
    SOURCE_MEMBER_ADDED: "source-member-added", Nothing,
        "Structs and enums are `#[non_exhaustive]`, so that another member breaks nobody.";
    SOURCE_FIELD_REMOVED: "source-field-removed", Source,
        "Code that uses the field does not compile, or not without `experimental`.";
    SOURCE_FIELD_CHANGED: "source-field-changed", Source,
        "The field has another type, or lost its setter.";
    SOURCE_VARIANT_REMOVED: "source-variant-removed", Source,
        "Code that uses the variant does not compile, or not without `experimental`.";
    SOURCE_VARIANT_CHANGED: "source-variant-changed", Source,
        "The variant carries something else.";
    SOURCE_FUNCTION_ADDED: "source-function-added", Nothing,
        "Nobody calls a function that the old bindings do not have.";
    SOURCE_FUNCTION_REMOVED: "source-function-removed", Source,
        "Code that calls the function does not compile, or not without `experimental`.";
    SOURCE_FUNCTION_CHANGED: "source-function-changed", Source,
        "The function takes other parameters, or returns something else.";
}

/// The rule for what is still there, but has moved in or out of the stable protocol.
pub(super) fn moved(rule: &'static Rule) -> Option<&'static Rule> {
    static MOVES: [(&Rule, &Rule); 15] = [
        (&CLIENT_METHOD_REMOVED, &CLIENT_METHOD_EXPERIMENTAL),
        (&CLIENT_METHOD_ADDED, &CLIENT_METHOD_STABLE),
        (&CLIENT_FIELD_REMOVED, &CLIENT_FIELD_EXPERIMENTAL),
        (&CLIENT_FIELD_ADDED, &CLIENT_FIELD_STABLE),
        (&CLIENT_VALUE_REMOVED, &CLIENT_VALUE_EXPERIMENTAL),
        (&CLIENT_VALUE_ADDED, &CLIENT_VALUE_STABLE),
        (&SERVER_NOTIFICATION_REMOVED, &SERVER_NOTIFICATION_EXPERIMENTAL),
        (&SERVER_NOTIFICATION_ADDED, &SERVER_NOTIFICATION_STABLE),
        (&SERVER_REQUEST_REMOVED, &SERVER_REQUEST_EXPERIMENTAL),
        (&SERVER_REQUEST_ADDED, &SERVER_REQUEST_STABLE),
        (&SERVER_REQUIRED_FIELD_REMOVED, &SERVER_REQUIRED_FIELD_EXPERIMENTAL),
        (&SERVER_OPTIONAL_FIELD_REMOVED, &SERVER_OPTIONAL_FIELD_EXPERIMENTAL),
        (&SERVER_FIELD_ADDED, &SERVER_FIELD_STABLE),
        (&SERVER_VALUE_REMOVED, &SERVER_VALUE_EXPERIMENTAL),
        (&SERVER_VALUE_ADDED, &SERVER_VALUE_STABLE),
    ];
    MOVES.iter().find(|it| it.0 == rule).map(|it| it.1)
}
