//! The demo in a real browser: Chromium plays the scenarios of `xtask/node/browser`.

#[test]
fn the_demo_does_all_scenarios_in_a_real_browser() {
    session_test_support::play_in_browser(env!("CARGO_BIN_EXE_axum-demo"));
}
