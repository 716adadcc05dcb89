//! What older runtimes lack says so before it is sent.

use std::collections::BTreeSet;

use codexkit::protocol::{
    AudioUserInput, Need, Offer, RUNTIME_VERSION, Release, Request, ThreadForkParams,
    ThreadResumeParams, ThreadRevertParams, ThreadStartParams, TurnStartParams, TurnToolOutput,
    Unavailable,
};
use serde_json::Value;

use crate::{
    arbitrary::{Schema, Shape},
    places::Places,
    registry::requests,
    roots::from_client,
    same::assert_none,
};

/// `schema/since.json`, read as JSON and not through the generator.
fn since() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/since.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn release(text: &Value) -> Release {
    let parts = text.as_str().unwrap().split('.').map(|it| it.parse().unwrap());
    let [major, minor, patch] = parts.collect::<Vec<_>>()[..] else { panic!("{text}") };
    Release::new(major, minor, patch)
}

fn releases() -> Vec<Release> {
    since()["releases"].as_array().unwrap().iter().map(release).collect()
}

fn old(minor: u32) -> Offer {
    Offer::EVERYTHING.of_release(Release::new(0, minor, 0))
}

fn part(what: &str, need: Need) -> (String, Need) {
    (what.to_owned(), need)
}

fn missing(params: &impl Request, offer: Offer) -> Option<(String, Need)> {
    params.unavailable(&offer).map(|it| (it.what, it.need))
}

#[test]
fn the_list_ends_with_the_pin() {
    assert_eq!(releases().last().unwrap().to_string(), RUNTIME_VERSION);
}

#[test]
fn what_the_official_client_refuses_before_0_151_is_refused() {
    let turn = || TurnStartParams::new("t", []);
    let need = Need::Release(Release::new(0, 151, 0));
    for (params, name) in [
        (turn().tool_output(TurnToolOutput::new("tool", "done")), "toolOutput"),
        (turn().turn_trigger("api"), "turnTrigger"),
        (turn().service_tier_for_turn("fast"), "serviceTierForTurn"),
    ] {
        let what = format!("turn/start.{name}");
        assert_eq!(missing(&params, old(150)), Some(part(&what, need)));
        let prerelease = Offer::EVERYTHING.of_prerelease(Release::new(0, 151, 0));
        assert_eq!(missing(&params, prerelease), Some(part(&what, need)));
        assert_eq!(missing(&params, old(151)), None);
        assert_eq!(missing(&params, Offer::EVERYTHING), None);
    }
}

/// The same release made these stable. Before it they are there for those who ask for them.
#[test]
fn what_was_experimental_once_is_refused_without_the_experimental_api() {
    let need = Need::ReleaseOrExperimentalApi(Release::new(0, 151, 0));
    let (resume, fork) = (ThreadResumeParams::new("t"), ThreadForkParams::new("t"));
    let (resume, fork) = (resume.exclude_turns(true), fork.exclude_turns(true));
    let check = |missing: &dyn Fn(Offer) -> Option<(String, Need)>, what: &str| {
        assert_eq!(missing(old(150)), None);
        assert_eq!(missing(old(150).without_experimental()), Some(part(what, need)));
        assert_eq!(missing(old(151).without_experimental()), None);
    };
    check(&|it| missing(&resume, it), "thread/resume.excludeTurns");
    check(&|it| missing(&fork, it), "thread/fork.excludeTurns");
    check(&|it| missing(&ThreadRevertParams::new("t", "u"), it), "thread/revert");
    let first = Need::Release(Release::new(0, 148, 0));
    let revert = missing(&ThreadRevertParams::new("t", "u"), old(147).without_experimental());
    assert_eq!(revert, Some(part("thread/revert", first)));
}

#[test]
fn what_is_inside_is_found_and_the_rest_is_not_refused() {
    let turn = |audio: AudioUserInput| TurnStartParams::new("t", vec![audio.into()]);
    let params = turn(AudioUserInput::from_file_id("f"));
    let outer = Need::Release(Release::new(0, 145, 0));
    assert_eq!(missing(&params, old(144)), Some(part("turn/start.input", outer)));
    let inner = Need::Release(Release::new(0, 167, 2));
    assert_eq!(missing(&params, old(150)), Some(part("turn/start.input.fileId", inner)));
    assert_eq!(missing(&turn(AudioUserInput::from_url("data:")), old(150)), None);
    assert_eq!(missing(&ThreadStartParams::new().model("m"), old(1)), None);
}

#[test]
fn a_message_is_refused_until_the_release_that_is_named() {
    let (schema, releases) = (Schema::pinned(), releases());
    let roots = from_client(&schema);
    let offers: Vec<_> = releases.iter().map(|it| Offer::EVERYTHING.of_release(*it)).collect();
    let (mut refused, mut named, mut failures) = (vec![0; offers.len()], BTreeSet::new(), vec![]);
    let mut places = 0;
    for method in requests() {
        let Some(root) = roots.iter().find(|it| it.name == method.name) else { continue };
        let all = Places::of(&schema, root);
        for (at, of) in all.schemas() {
            let values = match schema.shape(of) {
                Shape::Values(it) => it.into_iter().map(Value::from).collect(),
                _ => vec![schema.least(of)],
            };
            for value in values {
                places += 1;
                let missing = (method.unavailable)(all.message(at, value), &offers);
                failures.extend(disorder(&releases, &missing));
                for (count, it) in refused.iter_mut().zip(&missing) {
                    *count += usize::from(it.is_some());
                }
                named.extend(missing.into_iter().flatten().map(|it| needed(&it)));
            }
        }
    }
    assert_none(&failures, places);
    // Of 0.169.0, 0.145.0 refused 570, which was held against its schema by hand.
    assert!(refused[0] > 500 && refused.is_sorted_by(|a, b| a >= b), "{refused:?}");
    assert_eq!(refused.last(), Some(&0));
    let members = since()["experimental"]["members"].as_object().unwrap().clone();
    let listed: BTreeSet<_> = members.values().map(release).collect();
    assert!(listed.is_subset(&named), "{:?}", listed.difference(&named));
}

fn needed(it: &Unavailable) -> Release {
    match it.need {
        Need::Release(release) => release,
        other => panic!("{} needs {other:?}", it.what),
    }
}

/// What is wrong with what a message lacks in one release after the other.
fn disorder(releases: &[Release], missing: &[Option<Unavailable>]) -> Option<String> {
    for (at, it) in missing.iter().enumerate() {
        let Some(it) = it else { continue };
        let first = releases.iter().position(|release| *release == needed(it))?;
        if first <= at || missing[at..first].iter().any(Option::is_none) {
            return Some(format!("{it:?} is missing in {}", releases[at]));
        }
        if missing[first].as_ref().is_some_and(|later| later.what == it.what) {
            return Some(format!("{it:?} is still missing when it came"));
        }
    }
    None
}
