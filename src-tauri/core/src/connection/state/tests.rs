//! The machine as a table: from a state, by an input, to the two words a user sees.

use super::*;
use crate::oauth::identity::Identity;

const EPOCH: Timestamp = Timestamp::UNIX_EPOCH;

fn problem(code: &'static str, action: Action) -> Problem {
    Problem {
        code: code.into(),
        message: code.to_owned(),
        action,
    }
}

fn unauthorized() -> Input {
    Input::Unauthorized(problem("sign_in_needed", Action::Connect))
}

fn rejected() -> Input {
    Input::RefreshRejected(problem("refresh_rejected", Action::Reauthenticate))
}

fn away() -> Input {
    Input::Unavailable {
        problem: Some(problem("unreachable", Action::Retry)),
        retry_at: EPOCH,
    }
}

fn more() -> Input {
    let missing = Scopes::parse("notes:write");
    Input::ScopeMissing {
        missing,
        problem: problem("insufficient_scope", Action::Allow),
    }
}

fn summary() -> GrantSummary {
    let key = crate::oauth::grant::GrantKey {
        server: "notion".parse().expect("valid"),
        url: "https://h.example/mcp".parse().expect("valid"),
        account: None,
    };
    GrantSummary {
        name: (&key).into(),
        url: "https://h.example/mcp".to_owned(),
        account: None,
        issuer: "https://as.example".to_owned(),
        resource: None,
        scopes: Scopes::parse("notes:read"),
        expires_at: None,
        refreshable: true,
        identity: Identity::default(),
        standing: Standing::Good,
        authenticated_at: EPOCH,
        refreshed_at: None,
    }
}

fn granted() -> Input {
    Input::Granted(Box::new(summary()))
}

fn after(inputs: Vec<Input>) -> State {
    inputs.into_iter().fold(State::new(None), State::after)
}

fn words(inputs: Vec<Input>) -> (AuthStatus, ConnectionStatus) {
    let state = after(inputs);
    (state.auth, state.connection)
}

fn check<const N: usize>(table: [(Vec<Input>, AuthStatus, ConnectionStatus); N]) {
    for (inputs, auth, connection) in table {
        assert_eq!(words(inputs.clone()), (auth, connection), "{inputs:?}");
    }
}

fn tools() -> Input {
    Input::Discovered { tool_count: 3 }
}

#[test]
fn without_a_sign_in_the_two_words_follow_from_what_happened() {
    use AuthStatus as A;
    use ConnectionStatus as C;
    check([
        (vec![], A::Unknown, C::Idle),
        (vec![Input::Disabled], A::Unknown, C::Disabled),
        (vec![Input::Connecting], A::Unknown, C::Connecting),
        (vec![Input::Connecting, tools()], A::NotRequired, C::Connected),
        (
            vec![Input::Connecting, unauthorized()],
            A::NotAuthenticated,
            C::Idle,
        ),
        (
            vec![Input::Disabled, Input::SignedOut],
            A::NotAuthenticated,
            C::Disabled,
        ),
    ]);
}

#[test]
fn with_a_sign_in_the_two_words_follow_from_what_happened() {
    use AuthStatus as A;
    use ConnectionStatus as C;
    let begun = || vec![unauthorized(), Input::SignInStarted];
    let stepped_up = || vec![granted(), tools(), more()];
    let with = |before: Vec<Input>, more: Vec<Input>| [before, more].concat();
    let locked = Input::KeychainLocked(problem("keychain_locked", Action::Unlock));
    check([
        (begun(), A::Authenticating, C::Idle),
        (
            with(begun(), vec![Input::SignInFailed(None)]),
            A::NotAuthenticated,
            C::Idle,
        ),
        (with(begun(), vec![granted()]), A::Authenticated, C::Idle),
        (
            vec![granted(), Input::Connecting, tools()],
            A::Authenticated,
            C::Connected,
        ),
        (vec![granted(), rejected()], A::RefreshFailed, C::Idle),
        (stepped_up(), A::InsufficientScope, C::Connected),
        (
            vec![granted(), Input::Connecting, more()],
            A::InsufficientScope,
            C::Idle,
        ),
        (
            with(stepped_up(), vec![tools()]),
            A::InsufficientScope,
            C::Connected,
        ),
        (
            with(stepped_up(), vec![Input::SignInStarted, granted()]),
            A::Authenticated,
            C::Connected,
        ),
        (vec![granted(), locked], A::Locked, C::Idle),
        (
            vec![granted(), tools(), Input::SignedOut],
            A::NotAuthenticated,
            C::Idle,
        ),
    ]);
}

#[test]
fn an_outage_never_becomes_signed_out() {
    for before in [
        vec![granted()],
        vec![granted(), Input::Discovered { tool_count: 1 }],
    ] {
        let mut state = after(before);
        for _ in 0..20 {
            state = state.after(Input::Connecting).after(away());
            assert_eq!(
                (state.auth, state.connection),
                (AuthStatus::Authenticated, ConnectionStatus::Waiting)
            );
        }
    }
}

#[test]
fn what_a_person_must_mend_outlives_an_outage() {
    let state = after(vec![granted(), rejected(), Input::Connecting, away()]);
    assert_eq!(
        state.problem.map(|problem| problem.code.into_owned()).as_deref(),
        Some("refresh_rejected")
    );
}

#[test]
fn a_failed_re_authentication_leads_back_to_where_it_began() {
    let failed = Input::SignInFailed(Some(problem("denied", Action::Connect)));
    let state = after(vec![
        granted(),
        Input::Discovered { tool_count: 1 },
        Input::SignInStarted,
        failed,
    ]);
    assert_eq!(state.auth, AuthStatus::Authenticated);
    assert_eq!(
        state.problem.map(|problem| problem.code.into_owned()).as_deref(),
        Some("denied")
    );
}

#[test]
fn attention_is_asked_for_once_for_one_reason() {
    let calm = after(vec![granted()]);
    let ended = calm.clone().after(rejected());
    assert!(attention(&calm, &ended).is_some());
    assert!(attention(&ended, &ended.clone().after(Input::Connecting)).is_none());
    assert!(attention(&ended, &ended.clone().after(rejected())).is_none());
    let locked = ended
        .clone()
        .after(Input::KeychainLocked(problem("keychain_locked", Action::Unlock)));
    assert!(attention(&ended, &locked).is_some(), "another reason is news");
    assert!(
        attention(&calm, &calm.clone().after(away())).is_none(),
        "an outage needs nobody"
    );
}

#[test]
fn a_recorded_want_of_scopes_is_recalled_and_a_recorded_sign_in_is_not() {
    let mut state = State::new(Some(summary()));
    let missing_scopes = Scopes::parse("notes:write");
    state.recall(&ServerRecord {
        auth: Some(AuthStatus::InsufficientScope),
        missing_scopes,
        ..ServerRecord::default()
    });
    assert_eq!(state.auth, AuthStatus::InsufficientScope);
    let mut state = State::new(None);
    state.recall(&ServerRecord {
        auth: Some(AuthStatus::Authenticated),
        ..ServerRecord::default()
    });
    assert_eq!(state.auth, AuthStatus::Unknown);
}
