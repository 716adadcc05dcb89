//! What changes on the wire: both schemas are walked side by side from each method on, so that the
//! names of definitions do not matter, and every change is judged by who sends it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    super::generator::{
        Protocol,
        ir::{Arm, Shape, Types},
        methods::{Notification, Request},
    },
    Action, Change, Direction, Kind,
    nodes::{Node, Relation, describe_shape, numbers},
    rules,
};

/// What the walk finds.
#[derive(Debug)]
pub(super) struct Wire {
    pub changes: Vec<Found>,
    /// The old names of types, each with the new ones that took its place.
    pub pairs: BTreeMap<String, BTreeSet<String>>,
}

/// A change, and the types that it names directly: those of what is gone and of what is new.
#[derive(Debug)]
pub(super) struct Found {
    pub change: Change,
    pub old_types: Vec<String>,
    pub new_types: Vec<String>,
}

/// Compares two protocols.
pub(super) fn compare(old: &Protocol, new: &Protocol) -> Wire {
    let found = Wire { changes: Vec::new(), pairs: BTreeMap::new() };
    let (seen, method) = (BTreeSet::new(), String::new());
    let mut walk = Walk { old, new, direction: Direction::Client, method, seen, found };
    walk.requests(Kind::Method, &old.methods.requests, &new.methods.requests);
    walk.client_notifications();
    walk.requests(Kind::ServerRequest, &old.methods.server_requests, &new.methods.server_requests);
    walk.notifications(&old.methods.notifications, &new.methods.notifications);
    walk.direction = Direction::Server;
    for root in old.extra_roots.iter().filter(|it| new.extra_roots.contains(it)) {
        walk.method.clear();
        walk.root(root, root, root);
    }
    walk.found
}

pub(super) struct Walk<'a> {
    pub old: &'a Protocol,
    pub new: &'a Protocol,
    pub direction: Direction,
    /// The method on the way from which the walk is.
    pub method: String,
    seen: BTreeSet<(Direction, &'a str, &'a str)>,
    pub found: Wire,
}

/// What happened to what, with its states before and after it in words.
pub(super) struct Event {
    pub kind: Kind,
    pub action: Action,
    pub old: Option<String>,
    pub new: Option<String>,
}

impl Event {
    pub(super) fn new(kind: Kind, action: Action) -> Self {
        Self { kind, action, old: None, new: None }
    }

    pub(super) fn changed(kind: Kind, old: impl Into<String>, new: impl Into<String>) -> Self {
        Self { kind, action: Action::Changed, old: Some(old.into()), new: Some(new.into()) }
    }
}

impl<'a> Walk<'a> {
    /// Requests of the client, or of the server.
    fn requests(&mut self, kind: Kind, old: &'a [Request], new: &'a [Request]) {
        let is_client = kind == Kind::Method;
        let (asks, answers) = if is_client {
            (Direction::Client, Direction::Server)
        } else {
            (Direction::Server, Direction::Client)
        };
        let [added, removed] = if is_client {
            [&rules::CLIENT_METHOD_ADDED, &rules::CLIENT_METHOD_REMOVED]
        } else {
            [&rules::SERVER_REQUEST_ADDED, &rules::SERVER_REQUEST_REMOVED]
        };
        self.direction = asks;
        let types = |it: &Request| vec![it.params.clone(), it.response.clone()];
        for it in old.iter().filter(|it| !new.iter().any(|new| new.method == it.method)) {
            self.method.clone_from(&it.method);
            let event = Event::new(kind, Action::Removed);
            self.note(removed, &it.method, event, types(it), vec![]);
        }
        for it in new {
            self.method.clone_from(&it.method);
            self.direction = asks;
            let Some(older) = old.iter().find(|old| old.method == it.method) else {
                let event = Event::new(kind, Action::Added);
                self.note(added, &it.method, event, vec![], types(it));
                continue;
            };
            self.params(older, it);
            self.direction = answers;
            self.root(&it.method, &older.response, &it.response);
        }
    }

    /// What a method takes. Params where there were none are no change of an object: the old bindings
    /// send null.
    fn params(&mut self, old: &'a Request, new: &'a Request) {
        let is_null = |types: &Types, name: &str| {
            types.get(name).is_some_and(|it| matches!(it.shape, Shape::Unit))
        };
        let was_null = is_null(&self.old.types, &old.params);
        if !was_null || is_null(&self.new.types, &new.params) {
            self.root(&new.method, &old.params, &new.params);
            return;
        }
        let relation = if new.takes_null { Relation::Wider } else { Relation::Other };
        let pairs = self.found.pairs.entry(old.params.clone()).or_default();
        pairs.insert(new.params.clone());
        let event =
            Event::changed(Kind::Type, "null", describe_shape(&self.new.types[&new.params].shape));
        let (old, later) = (vec![old.params.clone()], vec![new.params.clone()]);
        self.note(self.type_rule(relation), &new.params, event, old, later);
    }

    fn notifications(&mut self, old: &'a [Notification], new: &'a [Notification]) {
        self.direction = Direction::Server;
        for it in old.iter().filter(|it| !new.iter().any(|new| new.method == it.method)) {
            self.method.clone_from(&it.method);
            let (rule, types) = (&rules::SERVER_NOTIFICATION_REMOVED, vec![it.params.clone()]);
            let event = Event::new(Kind::Notification, Action::Removed);
            self.note(rule, &it.method, event, types, vec![]);
        }
        for it in new {
            self.method.clone_from(&it.method);
            let Some(older) = old.iter().find(|old| old.method == it.method) else {
                let (rule, types) = (&rules::SERVER_NOTIFICATION_ADDED, vec![it.params.clone()]);
                let event = Event::new(Kind::Notification, Action::Added);
                self.note(rule, &it.method, event, vec![], types);
                continue;
            };
            self.root(&it.method, &older.params, &it.params);
        }
    }

    /// These carry nothing.
    fn client_notifications(&mut self) {
        self.direction = Direction::Client;
        let (old, new) = (self.old, self.new);
        let (old, new) = (&old.methods.client_notifications, &new.methods.client_notifications);
        for it in old.iter().filter(|it| !new.contains(it)) {
            self.method.clone_from(it);
            let event = Event::new(Kind::Notification, Action::Removed);
            self.note(&rules::CLIENT_METHOD_REMOVED, it, event, vec![], vec![]);
        }
        for it in new.iter().filter(|it| !old.contains(it)) {
            self.method.clone_from(it);
            let event = Event::new(Kind::Notification, Action::Added);
            self.note(&rules::CLIENT_METHOD_ADDED, it, event, vec![], vec![]);
        }
    }

    /// What a method takes or gives.
    fn root(&mut self, method: &str, old: &'a str, new: &'a str) {
        let types = (&self.old.types, &self.new.types);
        let nodes = Node::named(types.0, old).zip(Node::named(types.1, new));
        let Some((before, later)) = nodes else { return };
        let relation = self.nodes(before, later);
        if relation != Relation::Same {
            let event = Event::changed(Kind::Type, old, new);
            let (old, new) = (vec![old.to_owned()], vec![new.to_owned()]);
            self.note(self.type_rule(relation), method, event, old, new);
        }
    }

    pub(super) fn schemas(&mut self, old: &'a Value, new: &'a Value) -> Relation {
        let (old, old_null) = Node::of(&self.old.types, old);
        let (new, new_null) = Node::of(&self.new.types, new);
        let null = match (old_null, new_null) {
            (false, true) => Relation::Wider,
            (true, false) => Relation::Narrower,
            _ => Relation::Same,
        };
        null.and(self.nodes(old, new))
    }

    fn nodes(&mut self, old: Node<'a>, new: Node<'a>) -> Relation {
        match (old.alternatives(), new.alternatives()) {
            (Some(arms), None) => {
                let kin = new.kin(arms.iter().map(|it| payload(&self.old.types, it)));
                return kin
                    .map_or(Relation::Other, |it| self.nodes(it, new).and(Relation::Narrower));
            }
            (None, Some(arms)) => {
                let kin = old.kin(arms.iter().map(|it| payload(&self.new.types, it)));
                return kin.map_or(Relation::Other, |it| self.nodes(old, it).and(Relation::Wider));
            }
            _ => (),
        }
        match (old, new) {
            (Node::Named(old_name, old), Node::Named(name, new)) => {
                self.named((old_name, &old.shape), (name, &new.shape))
            }
            (Node::Number(old), Node::Number(new)) => numbers(old, new),
            (Node::List(old), Node::List(new)) | (Node::Map(old), Node::Map(new)) => {
                self.schemas(old, new)
            }
            (Node::Any, Node::Any) | (Node::Text, Node::Text) | (Node::Flag, Node::Flag) => {
                Relation::Same
            }
            (_, Node::Any) => Relation::Wider,
            (Node::Any, _) => Relation::Narrower,
            (Node::Named(_, old), new) => from_named(&old.shape, new),
            (old, Node::Named(_, new)) => from_named(&new.shape, old).reversed(),
            _ => Relation::Other,
        }
    }

    fn named(&mut self, old: (&'a str, &'a Shape), new: (&'a str, &'a Shape)) -> Relation {
        let (old_name, name) = (old.0, new.0);
        self.found.pairs.entry(old_name.to_owned()).or_default().insert(name.to_owned());
        let is_first = self.seen.insert((self.direction, old_name, name));
        if !is_compatible(old.1, new.1) {
            let renamed =
                || !self.old.types.contains_key(name) && !self.new.types.contains_key(old_name);
            if old_name != name && !renamed() {
                return Relation::Other;
            }
            if is_first {
                let (before, later) = (describe_shape(old.1), describe_shape(new.1));
                let event = Event::changed(Kind::Type, before, later);
                let (old, new) = (vec![old_name.to_owned()], vec![name.to_owned()]);
                self.note(self.type_rule(Relation::Other), name, event, old, new);
            }
            return Relation::Same;
        }
        match (old.1, new.1) {
            _ if !is_first => (),
            (Shape::Struct(old), Shape::Struct(new)) => self.structs(name, old, new),
            (Shape::Struct(old), Shape::Unit) => self.fields(name, &old.fields, &[]),
            (Shape::Untagged(old), Shape::Untagged(new)) => self.untagged(name, old, new),
            (old, new) => self.arms(name, arms(old), arms(new), matches!(old, Shape::Strings(_))),
        }
        Relation::Same
    }
}

/// How the values of `new`, which is no named type, relate to those of a type of this shape.
fn from_named(old: &Shape, new: Node<'_>) -> Relation {
    match (old, new) {
        (Shape::Strings(_), Node::Text) => Relation::Opened,
        (Shape::Struct(_) | Shape::Tagged { .. }, Node::Map(Value::Bool(true))) => Relation::Wider,
        _ => Relation::Other,
    }
}

/// Whether the members of the two can be compared.
fn is_compatible(old: &Shape, new: &Shape) -> bool {
    match (old, new) {
        // An empty object is no null.
        (Shape::Struct(old), Shape::Unit) => !old.fields.is_empty(),
        (Shape::Tagged { tag: old, .. }, Shape::Tagged { tag: new, .. }) => old == new,
        (Shape::Struct(_), Shape::Struct(_))
        | (Shape::Unit, Shape::Unit)
        | (Shape::Strings(_) | Shape::External(_), Shape::Strings(_) | Shape::External(_))
        | (Shape::Untagged(_), Shape::Untagged(_)) => true,
        _ => false,
    }
}

/// What a case carries.
pub(super) fn payload<'a>(types: &'a Types, arm: &'a Arm) -> Node<'a> {
    arm.payload.as_ref().map_or(Node::Any, |it| Node::of(types, it).0)
}

fn arms(shape: &Shape) -> &[Arm] {
    match shape {
        Shape::Strings(it) | Shape::External(it) | Shape::Tagged { arms: it, .. } => it,
        _ => &[],
    }
}
