// The pictures of the README: written, or compared with the committed ones.

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SCHEMES, SIZES, assert, logIn, press, scenario, shows } from './stage.mjs'

const FOLDER = process.env.SESSION_SCREENSHOTS
const CHECKS = process.env.SESSION_SCREENSHOTS_CHECK === '1'

// Another release of Chromium may draw letters differently. A section that has moved changes far more pixels.
const MOST_CHANGED = 0.005

const DEVICES = {
  iPhone: 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/604.1',
  Firefox: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0'
}

for (const [device, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of SCHEMES) {
    scenario(`${device}, ${colorScheme}`, {}, async (stage) => {
      const url = await stage.demo('--backend', 'memory')
      for (const userAgent of Object.values(DEVICES)) await logIn(await stage.open(url, await stage.profile({ userAgent })))
      const profile = await stage.profile({ viewport, colorScheme, locale: 'en-GB', timezoneId: 'UTC' })
      await sameEachTime(profile)
      const page = await stage.open(url, profile)
      await press(page, 'Add 10 at once')
      await shows(page, 'count', '10')
      await logIn(page)
      await page.getByText('Firefox on Windows').waitFor()
      await page.mouse.move(0, 0)
      await page.evaluate(() => scrollTo(0, 0))
      const picture = await page.screenshot()
      const file = join(FOLDER, `${device}-${colorScheme}.png`)
      if (!CHECKS) return writeFile(file, picture)
      const changed = await changedShare(page, picture, await readFile(file))
      assert(changed <= MOST_CHANGED, `${(100 * changed).toFixed(1)} % of ${file} changed: look at it, and run \`cargo xtask screenshots\``)
    })
  }
}

/// Replaces what differs from run to run: the fingerprint of the id, and times.
async function sameEachTime(profile) {
  const text = (path, change) =>
    profile.route((url) => url.pathname === path, async (route) => {
      const response = await route.fetch()
      await route.fulfill({ response, body: change(await response.text()) })
    })
  await text('/session', (body) => body.replace(/"id": "[0-9a-f]{8}"/, '"id": "5f0c9a1e"'))
  await text('/sessions', (body) => body.replace(/"last_seen":\d+/g, '"last_seen":1798794000'))
}

/// Returns the share of the pixels that differ to the eye: 1 for pictures of unequal sizes.
function changedShare(page, ...pictures) {
  return page.evaluate(async (pictures) => {
    const [one, other] = await Promise.all(
      pictures.map(async (base64) => {
        const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
        const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }))
        const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d')
        canvas.drawImage(bitmap, 0, 0)
        return canvas.getImageData(0, 0, bitmap.width, bitmap.height)
      })
    )
    if (one.width !== other.width || one.height !== other.height) return 1
    let changed = 0
    for (let at = 0; at < one.data.length; at += 4) {
      if ([0, 1, 2].some((color) => Math.abs(one.data[at + color] - other.data[at + color]) > 48)) changed += 1
    }
    return changed / (one.width * one.height)
  }, pictures.map((picture) => picture.toString('base64')))
}
