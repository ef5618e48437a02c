// The cookie as the browser keeps and sends it.

import { assert, cookie, logIn, press, scenario, shows, sleep, status } from './stage.mjs'

scenario('scripts do not see the cookie, and no other host gets it', {}, async (stage) => {
  const url = await stage.demo()
  const page = await stage.open(url)
  await logIn(page)
  const { httpOnly, sameSite, secure, path, domain } = await cookie(page.context())
  const expected = { httpOnly: true, sameSite: 'Lax', secure: false, path: '/', domain: '127.0.0.1' }
  assert.deepEqual({ httpOnly, sameSite, secure, path, domain }, expected)
  assert.equal(await page.evaluate(() => document.cookie), '')
  const elsewhere = await stage.open(url.replace('127.0.0.1', 'localhost'), page.context())
  await shows(elsewhere, 'user', 'no')
})

scenario('a __Host- cookie is Secure and bound to its host', {}, async (stage) => {
  const page = await stage.open(await stage.demo('--cookie-name', '__Host-session', '--https-only'))
  await logIn(page)
  await page.reload()
  await shows(page, 'user', 'as ann')
  const { name, secure, path, domain } = await cookie(page.context())
  assert.deepEqual({ name, secure, path, domain }, { name: '__Host-session', secure: true, path: '/', domain: '127.0.0.1' })
})

// By the cookie's SameSite: does a link, and a form that posts, of another site bring the session along?
for (const [sameSite, byLink, byForm] of [['lax', true, false], ['strict', false, false], ['none', true, true]]) {
  scenario(`a form of another site and a SameSite=${sameSite} cookie`, {}, async (stage) => {
    const url = await stage.demo('--backend', 'memory', '--same-site', sameSite, '--https-only')
    const page = await stage.open(url)
    await press(page, 'Add 1')
    await shows(page, 'count', '1')

    const site = await stage.site(`<a href="${url}/view_session">Look</a>
      <form method="post" action="${url}/clear_session"><button>Win a prize</button></form>`)
    const foreign = await stage.open(site, page.context())
    await foreign.getByRole('link').click()
    await foreign.waitForURL(`${url}/view_session`)
    assert.equal((await foreign.textContent('body')).includes('"n":1'), byLink, 'the link')
    await foreign.goto(site)
    await press(foreign, 'Win a prize')
    await foreign.waitForURL(`${url}/clear_session`)
    await page.reload()
    await shows(page, 'count', byForm ? '0' : '1')
  })
}

scenario('a Partitioned cookie is another one in each site that embeds the page', {}, async (stage) => {
  const flags = ['--cookie-name', '__Host-session', '--https-only', '--same-site', 'none', '--partitioned']
  const url = await stage.demo('--backend', 'memory', ...flags)
  const profile = await stage.profile()
  const embedding = async (path, host) => {
    const page = await stage.open(await stage.site(`<iframe src="${url}${path}"></iframe>`, host), profile)
    return page.frameLocator('iframe').locator('body').textContent()
  }
  assert.match(await embedding('/setup_session', 'localhost'), /session_data/)
  assert.match(await embedding('/view_session', 'localhost'), /session_data/)
  assert.match(await embedding('/view_session', 'other.localhost'), /"session": \{\}/)
  assert.equal((await cookie(profile)).partitionKey, 'http://localhost')
  await shows(await stage.open(url, profile), 'json', '{}')
})

scenario('an expired cookie leaves the browser, and its session is gone', {}, async (stage) => {
  for (const backend of ['memory', 'cookie']) {
    const page = await stage.open(await stage.demo('--backend', backend, '--max-age', '3'))
    await logIn(page)
    await shows(page, 'time-left', /^[123] seconds without use$/)
    await shows(page, 'time-left', 'expired')
    // A cookie of three seconds is still there in the third one.
    await sleep(1000)
    assert.equal(await cookie(page.context()), undefined)
    await press(page, 'Reload')
    await shows(page, 'user', 'no')
    await shows(page, 'time-left', '–')
  }
})

scenario('a browser that blocks cookies is told why no login lasts', {}, async (stage) => {
  const page = await stage.open(await stage.demo('--backend', 'memory'), await stage.profileWithoutCookies())
  await page.getByLabel('Your name').fill('ann')
  await press(page, 'Log in')
  await shows(page, 'message', /^Your browser did not send the cookie back\./)
  await shows(page, 'user', 'no')
  assert.equal(await cookie(page.context()), undefined)
})

scenario('a session too long for a cookie is refused, and the old one stays', { provokes: [status(500)] }, async (stage) => {
  const page = await stage.open(await stage.demo('--backend', 'cookie'))
  await logIn(page)
  const before = await cookie(page.context())
  await page.getByLabel('Key', { exact: true }).fill('long')
  await page.getByLabel('Value', { exact: true }).fill('a'.repeat(4096))
  await press(page, 'Set')
  await shows(page, 'message', /browsers keep 4096/)
  assert.deepEqual(await cookie(page.context()), before)
  await page.reload()
  await shows(page, 'user', 'as ann')
  await shows(page, 'json', '{\n  "user": "ann"\n}')
})
