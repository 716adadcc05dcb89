//! What the runtime says of itself.

use std::cmp::Ordering;
use std::path::PathBuf;

use semver::Version;

use crate::protocol::{self, Offer, Release};

/// What the runtime says of itself (`initialize`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuntimeInfo {
    /// The version of the runtime, such as `0.169.0`; empty if it could not be told. A runtime that
    /// was built from a checkout says `0.0.0`.
    pub version: String,
    /// The user agent with which the runtime calls its model.
    pub user_agent: String,
    /// The directory of its configuration and its history.
    pub codex_home: PathBuf,
    /// Such as `unix` or `windows`.
    pub platform_family: String,
    /// Such as `linux`, `macos` or `windows`.
    pub platform_os: String,
}

impl RuntimeInfo {
    pub(crate) fn new(response: protocol::InitializeResponse, client_name: &str) -> RuntimeInfo {
        let protocol::InitializeResponse {
            user_agent,
            codex_home,
            platform_family,
            platform_os,
            ..
        } = response;
        let version = version_in(&user_agent, client_name);
        let version = if Version::parse(version).is_ok() { version } else { "" };
        RuntimeInfo {
            version: version.to_owned(),
            user_agent,
            codex_home: codex_home.into(),
            platform_family,
            platform_os,
        }
    }

    /// Whether this is the version from whose schema the types of this crate were made. Another
    /// version usually works; what it does not know is refused before it is sent.
    pub fn matches_pin(&self) -> bool {
        self.version == protocol::RUNTIME_VERSION
    }

    /// Whether this is older or newer than the version from whose schema the types of this crate
    /// were made. `None` if nothing is known of it: it names no version, or `0.0.0`, as one does that
    /// was built from a checkout.
    ///
    /// ```no_run
    /// # async fn example() -> codexkit::Result<()> {
    /// let codex = codexkit::Codex::start().await?;
    /// if codex.runtime().compare_to_pin().is_some_and(|it| it.is_lt()) {
    ///     eprintln!("codex {} is old, please update", codex.runtime().version);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn compare_to_pin(&self) -> Option<Ordering> {
        let pinned = Version::parse(protocol::RUNTIME_VERSION).ok()?;
        Some(self.known_version()?.cmp_precedence(&pinned))
    }

    /// What this runtime takes from a client that may, or may not, use the experimental API. One
    /// whose version is not known is taken to have everything.
    pub(crate) fn offer(&self, experimental_api: bool) -> Offer {
        let mut res = Offer::EVERYTHING;
        if !experimental_api {
            res = res.without_experimental();
        }
        let Some(version) = self.known_version() else { return res };
        let number = |it: u64| u32::try_from(it).unwrap_or(u32::MAX);
        let [major, minor, patch] = [version.major, version.minor, version.patch].map(number);
        let release = Release::new(major, minor, patch);
        if version.pre.is_empty() { res.of_release(release) } else { res.of_prerelease(release) }
    }

    fn known_version(&self) -> Option<Version> {
        let version = Version::parse(&self.version).ok()?;
        let is_checkout = [version.major, version.minor, version.patch] == [0; 3];
        (!is_checkout).then_some(version)
    }
}

/// The version in `client/1.2.3 (system 4; machine) terminal …`. The name is the one that the client
/// gave itself, and may contain anything, a version too. So where it is not known, as that of the
/// first client of a socket, a version is one only if the system follows it.
fn version_in<'a>(user_agent: &'a str, client_name: &str) -> &'a str {
    let own = user_agent.strip_prefix(client_name).and_then(|rest| rest.strip_prefix('/'));
    if let Some(rest) = own {
        return rest.split_whitespace().next().unwrap_or_default();
    }
    let version_at = |at: usize| {
        let (version, rest) = user_agent[at..].split_once(" (")?;
        let (system, rest) = rest.split_once(')')?;
        let is_system = system.contains("; ") && rest.starts_with(' ');
        (is_system && Version::parse(version).is_ok()).then_some(version)
    };
    user_agent.match_indices('/').find_map(|(at, _)| version_at(at + 1)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn runtime(user_agent: &str) -> RuntimeInfo {
        let response = json!({
            "userAgent": user_agent,
            "codexHome": "/home/user/.codex",
            "platformFamily": "unix",
            "platformOs": "linux",
        });
        RuntimeInfo::new(serde_json::from_value(response).unwrap(), "probe")
    }

    fn of_version(version: &str) -> RuntimeInfo {
        runtime(&format!("probe/{version} (Debian 12.0.0; x86_64) xterm (probe; 1)"))
    }

    #[test]
    fn a_version_that_is_none_is_not_known() {
        for agent in ["", "nonsense", "probe", "probe/", "probe/latest (x)", "probe/0.151 (x)"] {
            let runtime = runtime(agent);
            assert_eq!((&*runtime.version, &*runtime.user_agent), ("", agent));
            assert_eq!(runtime.compare_to_pin(), None, "{agent}");
            assert_eq!(runtime.offer(true), Offer::EVERYTHING, "{agent}");
        }
    }

    #[test]
    fn a_checkout_is_neither_older_nor_newer_than_the_pin() {
        for version in ["0.0.0", "0.0.0-dev", "0.0.0+abc"] {
            let runtime = of_version(version);
            assert_eq!(runtime.version, version);
            assert_eq!(runtime.compare_to_pin(), None);
            assert_eq!(runtime.offer(false), Offer::EVERYTHING.without_experimental());
        }
    }

    #[test]
    fn versions_compare_as_numbers_and_a_prerelease_comes_before_its_release() {
        let pinned = protocol::RUNTIME_VERSION;
        let order = |version: &str| of_version(version).compare_to_pin();
        assert_eq!(order(pinned), Some(Ordering::Equal));
        assert_eq!(order(&format!("{pinned}+build.1")), Some(Ordering::Equal));
        for older in ["0.9.0", "0.168.9", &format!("{pinned}-alpha.1.2")] {
            assert_eq!(order(older), Some(Ordering::Less), "{older}");
        }
        for newer in ["0.1000.0", "1.0.0-alpha.1", "99999999999.0.0"] {
            assert_eq!(order(newer), Some(Ordering::Greater), "{newer}");
        }
    }

    #[test]
    fn the_offer_is_that_of_the_version() {
        let (release, everything) = (Release::new(0, 151, 2), Offer::EVERYTHING);
        assert_eq!(of_version("0.151.2").offer(true), everything.of_release(release));
        let prerelease = everything.of_prerelease(release).without_experimental();
        assert_eq!(of_version("0.151.2-alpha.1").offer(false), prerelease);
    }

    #[test]
    fn the_version_is_found_whatever_the_client_calls_itself() {
        let agent =
            |name: &str| format!("{name}/0.169.0 (Debian 12.0.0; x86_64) xterm ({name}; 1)");
        for name in ["probe", "my tool", "a/b", "a/0.1 (x)"] {
            assert_eq!(version_in(&agent(name), name), "0.169.0");
        }
        for other in ["first client of a socket", "my/1.0.0 app", "a/b", "a/0.1 (x)"] {
            assert_eq!(version_in(&agent(other), "other"), "0.169.0", "{other}");
        }
        assert_eq!(version_in("nonsense", "probe"), "");
    }

    #[test]
    fn what_no_system_follows_is_taken_for_no_version() {
        let agent = "tool/0.1.0 (beta)/0.169.0 (Debian 12.0.0; x86_64) iTerm.app/3.5.0 (tool; 1)";
        assert_eq!(version_in(agent, "probe"), "0.169.0");
        for agent in [
            "tool/0.1.0 (beta) x",
            "tool/0.1.0 (beta; 2)",
            "tool/0.1.0 (beta; 2)/0.169 (Debian 12.0.0; x86_64) xterm",
            "other/0.169.0",
            "other/0.169.0 xterm",
            "other/0.169.0 xterm (Debian 12.0.0; x86_64) xterm",
            "other/0.169.0(Debian 12.0.0; x86_64) xterm",
        ] {
            assert_eq!(version_in(agent, "probe"), "", "{agent}");
        }
    }
}
