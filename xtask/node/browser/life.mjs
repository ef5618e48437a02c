// The life of a session, driven by its user.

import { assert, cookie, logIn, press, requested, scenario, shows } from './stage.mjs'

scenario('a login survives a reload', {}, async (stage) => {
  const page = await stage.open(await stage.demo('--backend', 'memory'))
  await shows(page, 'user', 'no')
  await shows(page, 'id', 'none')
  await shows(page, 'time-left', '–')
  await logIn(page)
  await requested(page, 'POST /login → 200, new cookie')
  await shows(page, 'id', /^[0-9a-f]{8}$/)
  await shows(page, 'time-left', '14 days without use')
  const id = await page.locator('#id').textContent()
  await page.reload()
  await shows(page, 'user', 'as ann')
  await shows(page, 'id', id)
  const token = Buffer.from((await cookie(page.context())).value.split('.')[0], 'base64')
  assert(!(await page.content()).includes(JSON.parse(token)._cssid), 'the page shows no session id')
})

scenario('a user who wants to stay logged in gets a cookie of 90 days', {}, async (stage) => {
  const page = await stage.open(await stage.demo('--backend', 'memory'))
  await page.getByLabel('Stay logged in for 90 days').check()
  await logIn(page)
  await shows(page, 'time-left', '90 days without use')
  const days = ((await cookie(page.context())).expires - Date.now() / 1000) / 86400
  assert(days > 89.9 && days <= 90, `${days} days`)
})

scenario('a change is kept to the last digit, and a cleared session is empty', {}, async (stage) => {
  for (const backend of ['memory', 'cookie']) {
    const page = await stage.open(await stage.demo('--backend', backend))
    await page.getByLabel('Key', { exact: true }).fill('price')
    await page.getByLabel('Value', { exact: true }).fill('123456789012345678901234567890')
    await press(page, 'Set')
    await shows(page, 'message', 'price is set.')
    await page.reload()
    await shows(page, 'json', '{\n  "price": 123456789012345678901234567890\n}')
    await press(page, 'Clear')
    await shows(page, 'message', 'Cleared.')
    await requested(page, 'POST /clear_session → 200, cookie removed')
    assert.equal(await cookie(page.context()), undefined)
  }
})

scenario('a renewal leaves nothing under the old cookie', {}, async (stage) => {
  const url = await stage.demo('--backend', 'memory')
  const page = await stage.open(url)
  await logIn(page)
  const [old, id] = [await cookie(page.context()), await page.locator('#id').textContent()]
  await press(page, 'Renew')
  await shows(page, 'message', 'Renewed: the same data, a new cookie.')
  await shows(page, 'user', 'as ann')
  assert.notEqual((await cookie(page.context())).value, old.value)
  assert.notEqual(await page.locator('#id').textContent(), id)
  await shows(await openWith(stage, url, old), 'user', 'no')
})

scenario('a logout removes the cookie, and a copy of it is worth nothing', {}, async (stage) => {
  const url = await stage.demo('--backend', 'memory')
  const page = await stage.open(url)
  await logIn(page)
  const old = await cookie(page.context())
  await shows(await openWith(stage, url, old), 'user', 'as ann')
  await press(page, 'Log out')
  await shows(page, 'message', 'Logged out: the session is destroyed.')
  await shows(page, 'user', 'no')
  assert.equal(await cookie(page.context()), undefined)
  await shows(await openWith(stage, url, old), 'user', 'no')
})

scenario('after a logout, the back button shows no login', {}, async (stage) => {
  const url = await stage.demo('--backend', 'memory')
  const page = await stage.open(url)
  await logIn(page)
  await page.evaluate(() => (window.asItWasLeft = true))
  await page.goto(`${url}/untouched`)
  // Not by another tab of the page, because its message would make this page load again.
  await page.context().request.post(`${url}/logout`)
  // A page that comes back as it was left does not load again.
  await page.goBack({ waitUntil: 'commit' })
  await shows(page, 'user', 'no')
  assert(await page.evaluate(() => window.asItWasLeft), 'the browser kept the page')
})

/// Opens the page in another profile that has stolen this cookie.
async function openWith(stage, url, stolen) {
  const profile = await stage.profile()
  await profile.addCookies([stolen])
  return stage.open(url, profile)
}
