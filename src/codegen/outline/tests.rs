use super::*;

const MODULE: &str = r#"
    /// The version.
    pub const VERSION: &str = "1";
    pub type PathUri = String;
    const V0_1_2: Release = Release::new(0, 1, 2);
    open_string! { #[doc = " Effort."] #[doc = " **Experimental**: so."] Effort }

    /// Params.
    #[non_exhaustive]
    pub struct AskParams {
        pub thread_id: String,
        /// **Experimental**: not yet. Since runtime 0.1.2.
        pub turn_ids: Option<Vec<String>>,
        /// Says 1.0.0.
        ///
        /// Since runtime 0.150.0. Experimental before runtime 0.151.0.
        pub flag: bool,
        pub unrecognized: ExtraFields,
    }
    impl AskParams {
        pub fn new(thread_id: impl Into<String>) -> Self { Self::of(thread_id) }
        pub fn turn_ids(mut self, it: impl Into<Vec<String>>) -> Self { self }
        fn of(thread_id: impl Into<String>) -> Self { loop {} }
    }
    impl Json for AskParams {
        fn from_json(value: &Value) -> Result<Self, DecodeError> {
            let mut object = Object::of(value)?;
            Ok(Self {
                thread_id: object.required("threadId")?,
                turn_ids: object.optional("turn_ids")?,
                flag: object.or_else("flag", || true)?,
                unrecognized: object.rest(),
            })
        }
    }
    impl Request for AskParams {
        const METHOD: &'static str = "ask";
        type Response = AskResponse;
    }
    pub struct AskResponse;

    pub enum State { Idle, NotLoaded, Unrecognized(String) }
    string_enum! { State { Idle = "idle", NotLoaded = "not-loaded", } }

    #[deprecated]
    pub enum Item { Text(TextItem), Unrecognized(Value) }
    impl Item {
        pub fn id(&self) -> Option<&str> { None }
    }
    tagged_union! { Item, "type", { Text = "text", }, {} }
    pub enum Id { String(String), Integer(i64) }
    untagged_union! { closed Id { String(String) if IsString, Integer(i64) if IsInteger, } }

    pub enum ClientRequest {
        /// `ask`
        ///
        /// **Experimental**: not yet.
        Ask(AskParams),
    }
    impl ClientRequest {
        pub fn method(&self) -> &'static str { match self { Self::Ask(_) => "ask" } }
    }
    pub enum ServerNotification { Told(Box<ToldNotification>), ThingOn(ToldNotification), Unrecognized(RawMessage) }
    impl ServerNotification {
        pub fn method(&self) -> &str {
            match self {
                Self::Told(_) => "told",
                Self::ThingOn(_) => "thing/on",
                Self::Unrecognized(it) => &it.method,
            }
        }
    }
"#;

fn altered(from: &str, to: &str) -> syn::Result<Outline> {
    assert!(MODULE.contains(from), "the module has no {from}");
    outline(&MODULE.replacen(from, to, 1))
}

#[test]
fn every_fact_has_a_line() {
    let outline = outline(MODULE).unwrap();
    let body = outline.text.strip_prefix(HEADER).unwrap();
    let expected = r#"
# ClientRequest (closed)
request ask: AskParams -> AskResponse (experimental)

# ServerNotification
notification thing/on: ToldNotification (as ThingOn)
notification told: Box<ToldNotification>

# Types
struct AskParams
  flag: bool (default true, no setter, since 0.150.0, stable since 0.151.0)
  thread_id: String
  turn_ids: Option<Vec<String>> (wire "turn_ids", experimental, since 0.1.2)
  fn new(thread_id: impl Into<String>)
struct AskResponse (null)
struct Effort (any string, experimental)
enum Id (untagged, closed)
  Integer(i64)
  String(String)
enum Item (tag "type", deprecated)
  Text(TextItem)
  fn id(&self) -> Option<&str>
type PathUri = String
enum State (strings)
  Idle
  NotLoaded (wire "not-loaded")
const VERSION: &str
"#;
    assert_eq!(body, expected);
}

#[test]
fn everything_is_counted_once() {
    let it = outline(MODULE).unwrap();
    assert_eq!((it.types, it.fields, it.variants, it.methods), (7, 3, 5, 3));
    assert_eq!(it.experimental, 3);
}

#[test]
fn a_struct_that_drops_unknown_properties_is_said_to_be_closed() {
    let text = altered("pub unrecognized: ExtraFields,", "").unwrap().text;
    assert!(text.contains("\nstruct AskParams (closed)\n"), "{text}");
}

#[test]
fn a_field_behind_a_feature_is_experimental() {
    let attribute = "#[cfg(feature = \"experimental\")] pub flag: bool,";
    let text = altered("pub flag: bool,", attribute).unwrap().text;
    assert!(text.contains("\n  flag: bool (default true, no setter, experimental, since 0.150.0, stable since 0.151.0)\n"), "{text}");
}

#[test]
fn what_the_outline_cannot_read_is_an_error_that_names_it() {
    for (from, to, message) in [
        ("object.required(\"threadId\")?", "id", "`AskParams` does not say what `thread_id` is"),
        ("string_enum! { State", "enum_of_strings! { State", "`State` has no decoder"),
        ("Self::Told(_) => \"told\",", "", "`Told` has no method"),
        ("pub type PathUri = String;", "pub static X: u8 = 1;", "is not known to the outline"),
        ("pub type PathUri = String;", "pub type", "expected"),
    ] {
        let error = altered(from, to).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}
