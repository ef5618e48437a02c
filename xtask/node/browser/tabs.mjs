// Several tabs and several profiles.

import { assert, cookie, logIn, press, scenario, shows } from './stage.mjs'

scenario('a second tab has the session of the first, and follows it', {}, async (stage) => {
  const url = await stage.demo('--backend', 'memory')
  const one = await stage.open(url)
  await logIn(one)
  const two = await stage.open(url, one.context())
  await shows(two, 'user', 'as ann')
  await press(two, 'Add 1')
  await shows(one, 'message', 'Another tab has changed the session.')
  await shows(one, 'count', '1')
  await press(one, 'Log out')
  await shows(two, 'user', 'no')
})

scenario('two tabs at once lose no count', {}, async (stage) => {
  const url = await stage.demo('--backend', 'memory')
  const one = await stage.open(url)
  await press(one, 'Add 1')
  await shows(one, 'count', '1')
  const two = await stage.open(url, one.context())
  await shows(two, 'count', '1')
  await Promise.all([press(one, 'Add 10 at once'), press(two, 'Add 10 at once')])
  await shows(one, 'count', '21')
  await shows(two, 'count', '21')
})

scenario('a second profile has a session of its own', {}, async (stage) => {
  const url = await stage.demo('--backend', 'memory')
  const ann = await stage.open(url)
  await logIn(ann)
  const bob = await stage.open(url)
  await shows(bob, 'user', 'no')
  await logIn(bob, 'bob')
  await ann.reload()
  await shows(ann, 'user', 'as ann')
  assert.notEqual((await cookie(ann.context())).value, (await cookie(bob.context())).value)
})

scenario('a user ends the session of another profile', {}, async (stage) => {
  const url = await stage.demo('--backend', 'memory')
  const [here, there, elsewhere] = [await stage.open(url), await stage.open(url), await stage.open(url)]
  for (const page of [elsewhere, there, here]) await logIn(page)
  const listed = here.locator('#sessions li')
  assert.equal(await listed.getByText(/^Chrome on Linux/).count(), 3)
  assert.match(await listed.first().textContent(), /this browser, last seen /)
  await listed.nth(1).getByRole('button', { name: 'Sign out' }).click()
  await shows(here, 'message', '1 session ended.')
  assert.equal(await listed.count(), 2)
  await press(elsewhere, 'Reload')
  await shows(elsewhere, 'user', 'as ann')
  await press(there, 'Reload')
  await shows(there, 'user', 'no')

  await logIn(there)
  await press(there, 'Sign out elsewhere')
  await shows(there, 'message', '2 sessions ended.')
  for (const page of [here, elsewhere]) {
    await press(page, 'Reload')
    await shows(page, 'user', 'no')
  }
  await press(there, 'Sign out everywhere')
  await shows(there, 'message', '1 session ended.')
  await shows(there, 'user', 'no')
})
