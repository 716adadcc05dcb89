//! Trying again when the runtime has too much to do.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use crate::error::{Error, Result};

/// Repeats what fails because the runtime or the model is overloaded
/// ([`Error::is_retryable`]), as the default [`RetryPolicy`] says.
///
/// ```no_run
/// # async fn example(thread: codexkit::Thread) -> codexkit::Result<()> {
/// use codexkit::retry_on_overload;
///
/// let result = retry_on_overload(|| thread.run("Say hello.")).await?;
/// let text = retry_on_overload(async || {
///     Ok(thread.run("And good bye.").effort("low").await?.final_response)
/// })
/// .await?;
/// # Ok(())
/// # }
/// ```
///
/// A turn that failed of an overload has left its input in the thread, which the model sees again
/// when the turn is repeated.
///
/// # Errors
///
/// The last error of `op`, or its first one that is not to be repeated.
///
/// # Cancel safety
///
/// When the future is dropped, `op` is not called again.
pub async fn retry_on_overload<T, F>(op: impl FnMut() -> F) -> Result<T>
where
    F: IntoFuture<Output = Result<T>>,
{
    RetryPolicy::default().run(op).await
}

/// How often and after which pauses a call is repeated when the runtime is overloaded.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    max_attempts: u32,
    initial_delay: Duration,
    max_delay: Duration,
    jitter: f64,
}

impl Default for RetryPolicy {
    fn default() -> RetryPolicy {
        RetryPolicy {
            max_attempts: 3,
            initial_delay: Duration::from_millis(250),
            max_delay: Duration::from_secs(2),
            jitter: 0.2,
        }
    }
}

impl RetryPolicy {
    /// How often a call is made at most, the first time included. 3 by default, and at least 1.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> RetryPolicy {
        self.max_attempts = attempts;
        self
    }

    /// How long the first pause is; each further one is twice as long. 250 ms by default.
    #[must_use]
    pub fn initial_delay(mut self, delay: Duration) -> RetryPolicy {
        self.initial_delay = delay;
        self
    }

    /// How long a pause is at most, before the jitter. 2 s by default.
    #[must_use]
    pub fn max_delay(mut self, delay: Duration) -> RetryPolicy {
        self.max_delay = delay;
        self
    }

    /// By which part of itself a pause may be shorter or longer, so that those who were refused
    /// together do not come back together. 0.2 by default, and from 0 to 1.
    #[must_use]
    pub fn jitter(mut self, part: f64) -> RetryPolicy {
        self.jitter = part;
        self
    }

    /// Repeats `op` as long as it fails of an overload ([`Error::is_retryable`]).
    ///
    /// # Errors
    ///
    /// [`Error::InvalidInput`] for a policy that cannot work; else the last error of `op`, or its
    /// first one that is not to be repeated.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, `op` is not called again.
    pub async fn run<T, F>(&self, mut op: impl FnMut() -> F) -> Result<T>
    where
        F: IntoFuture<Output = Result<T>>,
    {
        self.check()?;
        let mut attempts = 1;
        loop {
            let error = match op().await {
                Err(error) if error.is_retryable() => error,
                result => return result,
            };
            let Some(delay) = self.delay_after(attempts) else { return Err(error) };
            attempts += 1;
            tokio::time::sleep(delay).await;
        }
    }

    /// Whether this can work.
    pub(crate) fn check(&self) -> Result<()> {
        let problem = if self.max_attempts == 0 {
            "a call cannot be made 0 times: give the retry policy at least 1 attempt"
        } else if !(0.0..=1.0).contains(&self.jitter) {
            "the jitter of a retry policy is a part of the pause, from 0 to 1"
        } else {
            return Ok(());
        };
        Err(Error::InvalidInput(problem.into()))
    }

    /// The pause after this many attempts; `None` if there were enough.
    pub(crate) fn delay_after(&self, attempts: u32) -> Option<Duration> {
        if attempts >= self.max_attempts {
            return None;
        }
        let doubled = 1u32.checked_shl(attempts - 1).unwrap_or(u32::MAX);
        let delay = self.initial_delay.saturating_mul(doubled).min(self.max_delay);
        let part = 1.0 + self.jitter * (2.0 * random() - 1.0);
        Some(Duration::try_from_secs_f64(delay.as_secs_f64() * part).unwrap_or(delay))
    }
}

/// From 0 to 1.
fn random() -> f64 {
    // Each of these has keys of its own, the first ones from the operating system.
    let [a, b, c, d, ..] = RandomState::new().hash_one(()).to_be_bytes();
    f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(policy: &RetryPolicy) -> Vec<Duration> {
        (1..).map_while(|attempts| policy.delay_after(attempts)).collect()
    }

    #[test]
    fn pauses_double_up_to_the_longest_one() {
        let policy = RetryPolicy::default().jitter(0.0).max_attempts(6);
        let expected = [250, 500, 1000, 2000, 2000].map(Duration::from_millis);
        assert_eq!(pauses(&policy), expected);
        assert_eq!(pauses(&RetryPolicy::default()).len(), 2);
        assert_eq!(pauses(&RetryPolicy::default().max_attempts(1)), []);
    }

    #[test]
    fn no_number_of_attempts_and_no_length_is_too_much() {
        let policy = RetryPolicy::default().max_attempts(100).jitter(1.0);
        assert!(pauses(&policy).iter().all(|it| *it <= Duration::from_secs(4)));
        let policy = policy.initial_delay(Duration::MAX).max_delay(Duration::MAX);
        assert_eq!(pauses(&policy).len(), 99);
        let policy = policy.initial_delay(Duration::ZERO);
        assert!(pauses(&policy).iter().all(Duration::is_zero));
    }

    #[test]
    fn the_jitter_goes_both_ways_and_not_too_far() {
        let policy = RetryPolicy::default();
        let pauses: Vec<_> = (0..1000).filter_map(|_| policy.delay_after(1)).collect();
        let [least, middle, most] = [200, 250, 300].map(Duration::from_millis);
        assert!(pauses.iter().all(|it| (least..=most).contains(it)), "{pauses:?}");
        let shorter = pauses.iter().filter(|it| **it < middle).count();
        assert!((300..700).contains(&shorter), "{shorter} of 1000 are shorter");
    }

    #[tokio::test]
    async fn a_policy_that_cannot_work_is_refused_before_anything_is_tried() {
        let policies = [
            RetryPolicy::default().max_attempts(0),
            RetryPolicy::default().jitter(-0.1),
            RetryPolicy::default().jitter(1.1),
            RetryPolicy::default().jitter(f64::NAN),
        ];
        for policy in policies {
            let tried = policy.run(async || -> Result<()> { panic!("tried") }).await;
            assert!(matches!(tried, Err(Error::InvalidInput(_))), "{tried:?}");
        }
    }
}
