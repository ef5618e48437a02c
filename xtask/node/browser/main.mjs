// A demo in a real browser: Debian's Chromium, without a window.
//
//   node main.mjs PROGRAM
//
// PROGRAM is a demo server. `SESSION_SCREENSHOTS=FOLDER` makes it take the pictures of the README, and nothing else; with
// `SESSION_SCREENSHOTS_CHECK=1` it compares them with those in the folder. It ends when its stdin is closed, so that a test that is
// killed leaves no orphan behind.

process.stdin.resume().on('end', () => process.exit(1)).unref()

if (process.env.SESSION_SCREENSHOTS) {
  await import('./screenshots.mjs')
} else {
  await import('./life.mjs')
  await import('./tabs.mjs')
  await import('./cookie.mjs')
  await import('./store.mjs')
  await import('./look.mjs')
}
