//! A runtime that signs in at an issuer of its own.

use std::time::Duration;

use codexkit::protocol::{
    Account, AccountLoginCompletedNotification, ChatgptAccount, ChatgptLoginAccountParams,
    ChatgptLoginAccountResponse, LoginAccountParams, LoginAccountResponse, ServerNotification,
};
use codexkit::testing::{CallbackPort, MockIssuer, MockModel, TestHome};
use codexkit::{Codex, ConnectionEvent, Notifications};

/// How long a whole test may take. It is not meant to be reached, however busy the machine is.
const TEST_LIMIT: Duration = Duration::from_secs(60);

/// How long the tests before this one, of any process, may need the port of the browser logins.
const PORT_LIMIT: Duration = Duration::from_secs(600);

pub(crate) struct Place {
    pub(crate) issuer: MockIssuer,
    pub(crate) model: MockModel,
    pub(crate) codex: Codex,
    feed: Notifications,
}

/// Runs `test` with a runtime, which has ended when this returns.
pub(crate) async fn run(test: impl AsyncFnOnce(&mut Place)) {
    let run = async {
        let (home, model) = (TestHome::new().unwrap(), MockModel::start().await.unwrap());
        let issuer = MockIssuer::start().await.unwrap();
        let codex = issuer.configure(home.builder(&model)).start().await.unwrap();
        let mut place = Place { feed: codex.notifications(), issuer, model, codex };
        test(&mut place).await;
        place.codex.close().await;
    };
    tokio::time::timeout(TEST_LIMIT, run).await.expect("the test takes too long");
}

/// The same for a test that needs the port to which a browser comes back.
pub(crate) async fn run_with_browser(test: impl AsyncFnOnce(&mut Place)) {
    // How long others have it says nothing about this test.
    let port = tokio::time::timeout(PORT_LIMIT, CallbackPort::lock()).await;
    let _port = port.expect("others have the port for too long").unwrap();
    run(test).await;
}

impl Place {
    pub(crate) async fn start_login(
        &self,
        params: impl Into<LoginAccountParams>,
    ) -> LoginAccountResponse {
        self.codex.request(params.into()).await.unwrap()
    }

    pub(crate) async fn start_browser_login(&self) -> ChatgptLoginAccountResponse {
        match self.start_login(ChatgptLoginAccountParams::new()).await {
            LoginAccountResponse::Chatgpt(login) => login,
            other => panic!("no browser login: {other:?}"),
        }
    }

    /// How the login of that id ends.
    pub(crate) async fn outcome(&mut self, login_id: Option<&str>) -> Result<(), String> {
        let completed = self.completed().await;
        assert_eq!(completed.login_id.as_deref(), login_id);
        match completed.error {
            None if completed.success => Ok(()),
            error => Err(error.unwrap()),
        }
    }

    pub(crate) async fn chatgpt_account(&self) -> ChatgptAccount {
        match self.codex.account().await.unwrap().account {
            Some(Account::Chatgpt(account)) => account,
            other => panic!("another kind of account: {other:?}"),
        }
    }

    async fn completed(&mut self) -> AccountLoginCompletedNotification {
        loop {
            let event = self.feed.next().await.unwrap().unwrap();
            if let ConnectionEvent::Notification { notification, .. } = event
                && let ServerNotification::AccountLoginCompleted(completed) = *notification
            {
                return *completed;
            }
        }
    }
}
