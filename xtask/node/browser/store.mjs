// A store that stops, and a store without a list of sessions.

import { assert, cookie, logIn, press, scenario, shows, status } from './stage.mjs'

scenario('while the store is down the page says so, and then the login is back', { provokes: [status(503)] }, async (stage) => {
  const redis = await stage.redis()
  const page = await stage.open(await stage.demo('--backend', 'redis', '--redis-url', redis.url))
  await logIn(page)
  const before = await cookie(page.context())
  await redis.stop()
  for (const name of ['Reload', 'Add 1']) {
    await press(page, name)
    await shows(page, 'message', /try again/)
    await shows(page, 'user', 'as ann')
  }
  assert.deepEqual(await cookie(page.context()), before, 'no cookie is removed')
  await redis.start()
  for (let tries = 1; ; tries += 1) {
    await page.reload()
    await page.locator('#requests li').first().waitFor()
    if (/→ 200/.test(await page.locator('#requests').textContent())) break
    assert(tries < 100, 'the demo does not recover')
  }
  await shows(page, 'user', 'as ann')
  await press(page, 'Add 1')
  await shows(page, 'count', '1')
})

scenario('a store that lists no sessions still ends them all', {}, async (stage) => {
  const url = await stage.demo('--backend', 'memcache', '--memcache-addr', await stage.memcached())
  const [here, there] = [await stage.open(url), await stage.open(url)]
  for (const page of [here, there]) await logIn(page)
  assert(await here.getByRole('button', { name: 'Sign out elsewhere' }).isHidden())
  await press(here, 'Sign out everywhere')
  await shows(here, 'message', 'All sessions ended.')
  await press(there, 'Reload')
  await shows(there, 'user', 'no')
})
