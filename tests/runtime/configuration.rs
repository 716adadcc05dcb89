//! What the runtime works with: its configuration, its account, its skills, the files around it.

use codexkit::protocol::{ConfigEdit, MergeStrategy, WriteStatus};
use serde_json::{Value, json};

use crate::lifecycle::is_refused;
use crate::support::run;

#[tokio::test]
async fn a_value_of_the_configuration_is_written_read_and_removed() {
    run(async |place| {
        let codex = place.start().await;
        let written = codex.config_write("model_verbosity", "high").await.unwrap();
        assert_eq!(written.status, WriteStatus::Ok);
        let file = place.home.codex_home().canonicalize().unwrap().join("config.toml");
        assert_eq!(written.file_path, file.to_str().unwrap());
        let text = || std::fs::read_to_string(&file).unwrap();
        assert_eq!(text(), "model_verbosity = \"high\"\n");
        let read = codex.config_read().await.unwrap();
        assert_eq!(read.config.model_verbosity.unwrap().as_str(), "high");
        assert!(read.origins.contains_key("model_verbosity") && read.layers.is_none());
        let read = codex.config_read().params(|params| params.include_layers(true)).await.unwrap();
        assert!(!read.layers.unwrap().is_empty());

        let replace = MergeStrategy::Replace;
        let removed = ConfigEdit::new("model_verbosity", replace.clone(), Value::Null);
        let added = ConfigEdit::new("tui.notifications", replace, true);
        codex.config_batch_write([removed, added]).await.unwrap();
        assert_eq!(text().trim(), "[tui]\nnotifications = true");
        // Nothing stays of a table that another one replaces.
        codex.config_write("tui", json!({"animations": false})).await.unwrap();
        assert_eq!(text().trim(), "[tui]\nanimations = false");
        codex.config_write("tui", Value::Null).await.unwrap();
        assert_eq!(text().trim(), "");
    })
    .await;
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_refused_and_one_that_is_overridden_says_so() {
    run(async |place| {
        let codex = place.start().await;
        let text = "Invalid configuration: unknown variant `loud`";
        is_refused(codex.config_write("model_verbosity", "loud").await, -32600, text);
        let bad = ConfigEdit::new("model_verbosity", MergeStrategy::Replace, "loud");
        let good = ConfigEdit::new("model_reasoning_effort", MergeStrategy::Replace, "low");
        is_refused(codex.config_batch_write([good, bad]).await, -32600, text);
        assert_eq!(codex.config_read().await.unwrap().config.model_reasoning_effort, None);
        let written = codex.config_write("model", "gpt-5.4").await.unwrap();
        assert_eq!(written.status, WriteStatus::OkOverridden);
        let overridden = written.overridden_metadata.unwrap();
        assert_eq!(overridden.effective_value, json!("gpt-5.5"));
    })
    .await;
}

#[tokio::test]
async fn there_is_no_account_where_nobody_has_logged_in() {
    run(async |place| {
        let codex = place.start().await;
        let account = codex.account().await.unwrap();
        assert_eq!(account.account, None);
        assert!(!account.requires_openai_auth);
        codex.logout().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_skills_of_a_directory_are_listed() {
    run(async |place| {
        let codex = place.start().await;
        let names = async |directory: &str| -> Vec<String> {
            let cwds = [directory.to_owned()];
            let skills = codex.skills().params(|params| params.cwds(cwds).force_reload(true));
            let mut entries = skills.await.unwrap().data;
            assert_eq!((entries.len(), entries[0].errors.len()), (1, 0));
            entries.remove(0).skills.into_iter().map(|it| it.name).collect()
        };
        let skill = place.home.workspace().join(".codex/skills/greet");
        std::fs::create_dir_all(&skill).unwrap();
        let text = "---\nname: greet\ndescription: says hello\n---\nSay hello.\n";
        std::fs::write(skill.join("SKILL.md"), text).unwrap();
        let here = place.home.workspace();
        assert!(names(here.to_str().unwrap()).await.contains(&"greet".into()));
        let there = place.home.path();
        assert!(!names(there.to_str().unwrap()).await.contains(&"greet".into()));
        let here = codex.skills().await.unwrap().data;
        assert!(here[0].skills.iter().any(|it| it.name == "greet"));
    })
    .await;
}

#[tokio::test]
async fn files_are_found_by_what_their_path_is_like() {
    run(async |place| {
        let codex = place.start().await;
        let root = place.home.workspace();
        for directory in [".git", "deep", "hidden"] {
            std::fs::create_dir(root.join(directory)).unwrap();
        }
        for file in ["deep/alpha_beta.txt", "gamma.txt", "hidden/alpha_beta.txt"] {
            std::fs::write(root.join(file), "").unwrap();
        }
        std::fs::write(root.join(".gitignore"), "hidden\n").unwrap();
        let found = codex.fuzzy_file_search("alpbet", [&root]).await.unwrap();
        let [file] = &found[..] else { panic!("{found:?}") };
        assert_eq!(std::path::Path::new(&file.path), std::path::Path::new("deep/alpha_beta.txt"));
        assert_eq!(file.root, root.to_str().unwrap());
        assert!(codex.fuzzy_file_search("zzz", [&root]).await.unwrap().is_empty());
        for number in 0..60 {
            std::fs::write(root.join(format!("many{number}")), "").unwrap();
        }
        assert_eq!(codex.fuzzy_file_search("many", [&root]).await.unwrap().len(), 50);
    })
    .await;
}
