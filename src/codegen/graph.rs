//! Who reaches what: which types the client sends, which it receives, which are experimental.

use std::{collections::BTreeSet, mem::discriminant};

use super::{
    Error, Result,
    ir::{Field, Shape, Type, Types},
    methods::Methods,
    schema::visit_references,
    tables::Tables,
};

/// Sets `input` and `output` on every type and drops what neither direction reaches; returns the
/// names of what it drops.
pub(super) fn mark_directions(
    types: &mut Types,
    methods: &Methods,
    tables: &Tables<'_>,
) -> Result<Vec<String>> {
    let client = methods.requests.iter().map(|it| it.params.as_str());
    let answers = methods.server_requests.iter().map(|it| it.response.as_str());
    let input = closure(types, client.chain(answers))?;

    let responses = methods.requests.iter().map(|it| it.response.as_str());
    let asked = methods.server_requests.iter().map(|it| it.params.as_str());
    let told = methods.notifications.iter().map(|it| it.params.as_str());
    let mut output = closure(types, responses.chain(asked).chain(told))?;

    for root in tables.extra_roots {
        if types.contains_key(*root) && !input.contains(*root) && !output.contains(*root) {
            tables.mark_extra_root(root);
        }
    }
    let extra = tables.extra_roots.iter().copied().filter(|it| types.contains_key(*it));
    output.extend(closure(types, extra)?);

    for (name, ty) in &mut *types {
        ty.input = input.contains(name);
        ty.output = output.contains(name);
    }
    let is_reached = |ty: &Type| ty.input || ty.output;
    let unreached = types.iter().filter(|it| !is_reached(it.1)).map(|it| it.0.clone()).collect();
    types.retain(|_, ty| is_reached(ty));
    Ok(unreached)
}

/// The names that `roots` reach, themselves included.
pub(crate) fn closure<'a>(
    types: &Types,
    roots: impl Iterator<Item = &'a str>,
) -> Result<BTreeSet<String>> {
    let mut todo: Vec<String> = roots.map(str::to_owned).collect();
    let mut res = BTreeSet::new();
    while let Some(name) = todo.pop() {
        let Some(ty) = types.get(&name) else {
            return Err(Error::at(&name, "is referred to but not generated"));
        };
        if res.insert(name) {
            references(ty, &mut |it| todo.push(it.to_owned()));
        }
    }
    Ok(res)
}

/// The names of the types that have a property for which `is_it` holds, at any depth.
pub(super) fn holders(types: &Types, is_it: impl Fn(&str, &Field) -> bool) -> BTreeSet<String> {
    let has_one = |name: &str, ty: &Type| match &ty.shape {
        Shape::Struct(body) => body.fields.iter().any(|it| is_it(name, it)),
        _ => false,
    };
    let direct = types.iter().filter(|(name, ty)| has_one(name, ty));
    let mut res: BTreeSet<String> = direct.map(|it| it.0.clone()).collect();
    loop {
        let known = res.len();
        for (name, ty) in types {
            let mut refers = false;
            references(ty, &mut |it| refers |= res.contains(it));
            if refers {
                res.insert(name.clone());
            }
        }
        if res.len() == known {
            return res;
        }
    }
}

/// Calls `visit` with every type that `ty` names.
pub(super) fn references(ty: &Type, visit: &mut dyn FnMut(&str)) {
    match &ty.shape {
        Shape::Struct(it) => it.fields.iter().for_each(|it| visit_references(&it.schema, visit)),
        Shape::Tagged { arms, .. } | Shape::External(arms) | Shape::Untagged(arms) => {
            arms.iter()
                .filter_map(|it| it.payload.as_ref())
                .for_each(|it| visit_references(it, visit));
        }
        Shape::Alias(it) => visit_references(it, visit),
        Shape::Strings(_) | Shape::OpenString | Shape::Unit => (),
    }
}

/// Marks the cases of which the bundles do not say that they are experimental.
pub(super) fn mark_cases(types: &mut Types, tables: &Tables<'_>) {
    for (name, ty) in types {
        if let Shape::Tagged { arms, .. } | Shape::External(arms) = &mut ty.shape {
            for it in arms {
                it.experimental |= tables.is_experimental(name, &it.wire);
            }
        }
    }
}

/// Removes the cases that are marked.
pub(super) fn remove_cases(types: &mut Types) {
    for ty in types.values_mut() {
        if let Shape::Tagged { arms, .. } | Shape::External(arms) = &mut ty.shape {
            arms.retain(|it| !it.experimental);
        }
    }
}

/// Marks the types, fields and variants that `stable` lacks. The parts of an experimental type
/// are not marked again.
///
/// # Errors
/// When what both have differs: such a thing is neither stable nor experimental.
pub(super) fn mark_experimental(types: &mut Types, stable: &Types) -> Result<()> {
    let differs = |name: &str, part: &str| {
        Err(Error::at(name, format!("{part} is not the same in the stable bundle")))
    };
    for (name, ty) in types {
        let Some(known) = stable.get(name) else {
            ty.experimental = true;
            continue;
        };
        if discriminant(&ty.shape) != discriminant(&known.shape) {
            return differs(name, "the definition");
        }
        match (&mut ty.shape, &known.shape) {
            (Shape::Struct(new), Shape::Struct(old)) => {
                for field in &mut new.fields {
                    match old.fields.iter().find(|it| it.wire == field.wire) {
                        None => field.experimental = true,
                        Some(it) if it.schema == field.schema => (),
                        Some(_) => return differs(name, &format!("`{}`", field.wire)),
                    }
                }
            }
            (
                Shape::Strings(new)
                | Shape::External(new)
                | Shape::Untagged(new)
                | Shape::Tagged { arms: new, .. },
                Shape::Strings(old)
                | Shape::External(old)
                | Shape::Untagged(old)
                | Shape::Tagged { arms: old, .. },
            ) => {
                for arm in new {
                    match old.iter().find(|it| it.name == arm.name) {
                        None => arm.experimental = true,
                        Some(it) if it.payload == arm.payload => (),
                        Some(_) => return differs(name, &format!("`{}`", arm.name)),
                    }
                }
            }
            _ => (),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::{ir::Arm, schema::reference_to},
        *,
    };

    fn alias(target: &str) -> Type {
        Type::new(None, Shape::Alias(json!([reference_to(target)])))
    }

    fn strings(values: &[&str]) -> Type {
        let arm = |it: &&str| Arm {
            name: (*it).to_owned(),
            wire: (*it).to_owned(),
            doc: None,
            payload: None,
            experimental: false,
            since: Default::default(),
        };
        Type::new(None, Shape::Strings(values.iter().map(arm).collect()))
    }

    #[test]
    fn a_closure_follows_references_and_names_what_is_missing() {
        let mut types = Types::from([
            ("A".to_owned(), alias("B")),
            ("B".to_owned(), strings(&["x"])),
            ("C".to_owned(), strings(&["y"])),
        ]);
        let reached = closure(&types, ["A"].into_iter()).unwrap();
        assert_eq!(reached.into_iter().collect::<Vec<_>>(), ["A", "B"]);
        types.remove("B");
        let error = closure(&types, ["A"].into_iter()).unwrap_err();
        assert_eq!(error.to_string(), "`B`: is referred to but not generated");
    }

    #[test]
    fn only_what_the_stable_bundle_lacks_is_experimental() {
        let mut types = Types::from([
            ("New".to_owned(), strings(&["x"])),
            ("Old".to_owned(), strings(&["x", "y"])),
        ]);
        let stable = Types::from([("Old".to_owned(), strings(&["x"]))]);
        mark_experimental(&mut types, &stable).unwrap();
        assert!(types["New"].experimental && !types["Old"].experimental);
        let marks = |name: &str| match &types[name].shape {
            Shape::Strings(arms) => arms.iter().map(|it| it.experimental).collect::<Vec<_>>(),
            _ => Vec::new(),
        };
        assert_eq!(marks("New"), [false]);
        assert_eq!(marks("Old"), [false, true]);

        let stable = Types::from([("Old".to_owned(), alias("New"))]);
        let error = mark_experimental(&mut types, &stable).unwrap_err().to_string();
        assert_eq!(error, "`Old`: the definition is not the same in the stable bundle");
    }
}
