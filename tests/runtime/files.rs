//! What the user has stays as it is.

use std::fs;
use std::path::Path;

use codexkit::testing::Reply;
use serde_json::json;

use crate::support::run;

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn a_session_writes_to_its_home_alone_and_configures_nothing() {
    run(async |place| {
        let outside = ["home", "temporary", "project"].map(|name| place.home.path().join(name));
        for directory in &outside {
            fs::create_dir(directory).unwrap();
        }
        let [home, temporary, project] = &outside;
        let command = json!({"cmd": "echo hello"});
        place.model.push(Reply::new().function_call("call_1", "exec_command", command));
        place.model.push("Done.");
        let builder = place.builder().env("HOME", home).env("TMPDIR", temporary).cwd(project);
        let codex = place.start_with(builder).await;
        let thread = codex.thread_start().await.unwrap();
        thread.run("Say hello.").await.unwrap();
        codex.close().await;
        for directory in &outside {
            assert_eq!(names(directory), [""; 0], "in {}", directory.display());
        }
        let written = names(&place.home.codex_home());
        assert!(written.contains(&"sessions".to_owned()), "{written:?}");
        for file in ["config.toml", "auth.json"] {
            assert!(!written.contains(&file.to_owned()), "{written:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_configuration_of_the_user_is_left_alone() {
    run(async |place| {
        let files = [
            ("config.toml", "# Mine.\nmodel_reasoning_effort = \"low\"\n"),
            ("auth.json", "{\"OPENAI_API_KEY\": \"not a key\"}\n"),
        ];
        for (name, text) in files {
            fs::write(place.home.codex_home().join(name), text).unwrap();
        }
        place.model.push("ok");
        let thread = place.thread().await;
        thread.run("hi").await.unwrap();
        // It is in force, where the client says nothing else.
        assert_eq!(place.model.requests()[0].body()["reasoning"]["effort"], "low");
        thread.codex().close().await;
        for (name, text) in files {
            assert_eq!(fs::read_to_string(place.home.codex_home().join(name)).unwrap(), text);
        }
    })
    .await;
}
