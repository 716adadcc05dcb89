//! What a user relies on, and the tests of the real runtime that show it.

/// A row of the table: modules of `tests/runtime.rs`.
pub(super) struct Area {
    pub(super) name: &'static str,
    pub(super) modules: &'static [&'static str],
}

impl Area {
    /// Whether a test of this name, such as `turns::a_turn_ends`, belongs here.
    pub(super) fn has(&self, test: &str) -> bool {
        test.split_once("::").is_some_and(|(module, _)| self.modules.contains(&module))
    }
}

pub(super) const AREAS: &[Area] = &[
    Area {
        name: "start, handshake, options, configuration",
        modules: &["configuration", "options", "settings", "turn_options"],
    },
    Area { name: "threads and their lists", modules: &["lifecycle", "lists", "strangers"] },
    Area {
        name: "turns: input, result, failure",
        modules: &["failures", "inputs", "turns", "typed"],
    },
    Area { name: "streaming", modules: &["concurrency", "sizes", "views"] },
    Area { name: "steering and joining", modules: &["attaching", "joining", "steering"] },
    Area { name: "interrupting and deadlines", modules: &["deadlines", "interrupting"] },
    Area { name: "resuming and forking", modules: &["forking", "resuming"] },
    Area { name: "goals", modules: &["goal_control", "goals"] },
    Area { name: "reviews, compaction, turns of others", modules: &["beginnings"] },
    Area { name: "commands and files", modules: &["commands", "execs", "filesystem"] },
    Area {
        name: "approvals and permissions",
        modules: &[
            "answering",
            "command_approvals",
            "file_approvals",
            "handler_calls",
            "pending",
            "permission_requests",
            "refusals",
            "request_policies",
        ],
    },
    Area { name: "questions of the agent", modules: &["current_time", "user_questions"] },
    Area {
        name: "tools and MCP servers",
        modules: &[
            "elicitations",
            "mcp",
            "mcp_approvals",
            "tool_failures",
            "tool_threads",
            "tools",
        ],
    },
    Area {
        name: "logins and accounts",
        modules: &[
            "accounts",
            "bedrock",
            "device_codes",
            "logins",
            "rival_logins",
            "token_handlers",
            "tokens",
        ],
    },
    Area { name: "errors that say what to do", modules: &["bad_input", "errors", "overload"] },
    Area {
        name: "the end, and nothing left behind",
        modules: &["endings", "files", "leftovers", "user_files"],
    },
];

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::*;

    const NO_TESTS: &str = "holds no tests";

    /// Modules of `tests/runtime.rs` that are in no area, and why.
    const LEFT_OUT: &[(&str, &str)] = &[
        ("asking", NO_TESTS),
        ("held", NO_TESTS),
        ("mcp_server", NO_TESTS),
        ("notices", "each runtime calls other things deprecated"),
        ("processes", NO_TESTS),
        ("support", NO_TESTS),
    ];

    #[test]
    fn every_module_of_the_tests_is_in_one_area_or_left_out_for_a_reason() {
        let text = fs::read_to_string(crate::root().join("tests/runtime.rs")).unwrap();
        let modules = text.lines().filter_map(|it| it.strip_prefix("mod ")?.strip_suffix(';'));
        let modules: BTreeSet<_> = modules.collect();
        let tested = AREAS.iter().flat_map(|it| it.modules.iter().copied());
        let mut known: Vec<_> = tested.chain(LEFT_OUT.iter().map(|it| it.0)).collect();
        known.sort_unstable();
        assert!(known.is_sorted_by(|a, b| a < b), "one is there twice: {known:?}");
        assert_eq!(known, modules.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn what_is_said_to_hold_no_tests_holds_none() {
        for (module, reason) in LEFT_OUT {
            let path = crate::root().join(format!("tests/runtime/{module}.rs"));
            let text = fs::read_to_string(path).unwrap();
            let tests = text.lines().filter(|it| it.trim().starts_with("#[tokio::test"));
            assert_eq!(tests.count() == 0, *reason == NO_TESTS, "{module}");
        }
    }

    #[test]
    fn a_test_belongs_to_the_area_of_its_whole_module() {
        let area = Area { name: "", modules: &["logins"] };
        assert!(area.has("logins::a_login_ends"));
        assert!(!area.has("rival_logins::a_login_ends"));
        assert!(!area.has("logins"));
    }
}
