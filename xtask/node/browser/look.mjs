// The page on a phone and on a desktop, in both colour schemes, and by the keyboard alone.

import axe from 'axe-core'
import { SCHEMES, SIZES, assert, logIn, press, scenario, shows } from './stage.mjs'

scenario('the page fits a phone and a desktop, and all can read and use it in both schemes', {}, async (stage) => {
  const url = await stage.demo('--backend', 'memory')
  const backgrounds = new Set()
  for (const viewport of Object.values(SIZES)) {
    for (const colorScheme of SCHEMES) {
      // axe comes from outside of the page, whose policy allows its own scripts only.
      const page = await stage.open(url, await stage.profile({ viewport, colorScheme, bypassCSP: true }))
      await shows(page, 'user', 'no')
      await inspect(page)
      await page.getByLabel('Key', { exact: true }).fill('a key without a space to break it at'.replaceAll(' ', '-'))
      await page.getByLabel('Value', { exact: true }).fill('v'.repeat(200))
      await press(page, 'Set')
      await shows(page, 'message', /is set\.$/)
      await logIn(page)
      await inspect(page)
      backgrounds.add(await page.evaluate(() => getComputedStyle(document.body).backgroundColor))
    }
  }
  assert.equal(backgrounds.size, SCHEMES.length)
})

/// Looks for text out of sight at the side, and for what axe finds: contrast, names, roles, sizes.
async function inspect(page) {
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  assert.equal(beyond, 0, 'the page scrolls sideways')
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate(() => axe.run({ rules: { 'target-size': { enabled: true } } }))
  assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), [])
}

scenario('everything is done by the keyboard alone', {}, async (stage) => {
  const page = await stage.open(await stage.demo('--backend', 'memory'))
  await shows(page, 'user', 'no')
  const fields = ['Your name', 'Stay logged in for 90 days', 'Log in']
  const rest = ['Add 1', 'Add 10 at once', 'Key', 'Value', 'Set', 'Renew', 'Clear']
  for (const name of ['Reload', 'As JSON', ...fields, ...rest]) assert.equal(await next(page), name)

  await page.getByLabel('Your name').focus()
  await page.keyboard.type('ann')
  await next(page)
  await page.keyboard.press('Space')
  await page.keyboard.press('Enter')
  await shows(page, 'message', 'Logged in as ann.')
  await shows(page, 'time-left', '90 days without use')
  for (const name of ['Log out', 'Sign out elsewhere', 'Sign out everywhere', 'Add 1']) assert.equal(await next(page), name)
  await page.keyboard.press('Enter')
  await shows(page, 'count', '1')
  for (const name of rest.slice(1, 3)) assert.equal(await next(page), name)
  await page.keyboard.type('a')
  await next(page)
  await page.keyboard.type('true')
  await page.keyboard.press('Enter')
  await shows(page, 'message', 'a is set.')
  await page.getByRole('button', { name: 'Log out' }).focus()
  await page.keyboard.press('Space')
  await shows(page, 'user', 'no')
  assert.equal(await next(page), fields[0])
})

/// Goes to the next element, which has to show that it has the focus. Returns its name.
async function next(page) {
  await page.keyboard.press('Tab')
  const { name, outline } = await page.evaluate(() => {
    const element = document.activeElement
    const label = element.labels?.[0] ?? document.getElementById(element.getAttribute('aria-labelledby')) ?? element
    const { outlineStyle, outlineWidth } = getComputedStyle(element)
    return { name: label.textContent.trim(), outline: outlineStyle === 'solid' && parseFloat(outlineWidth) >= 2 }
  })
  assert(outline, `${name} shows no focus`)
  return name
}
