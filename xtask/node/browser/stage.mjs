// The tools of a scenario: servers, profiles of the browser, and the errors of all their pages. They end with the scenario.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { chromium } from 'playwright-core'

export const SIZES = { phone: { width: 360, height: 740 }, desktop: { width: 1024, height: 660 } }
export const SCHEMES = ['light', 'dark']

const PROGRAM = process.argv[2]
const PATIENCE = 20_000

const program = process.env.PATH.split(delimiter).map((folder) => join(folder, 'chromium')).find(existsSync)
const options = {
  executablePath: program,
  // Chromium's sandbox does not work as root, and CI runs as root. All pages come from our own servers.
  args: process.getuid() === 0 ? ['--no-sandbox'] : [],
  // As for users, the back button may bring a page back as it was left.
  ignoreDefaultArgs: ['--disable-back-forward-cache']
}

let browser
const children = new Set()

before(async () => {
  assert(program, 'there is no `chromium` on PATH: `cargo xtask test` installs it, or names the Debian package')
  browser = await chromium.launch(options)
})
after(() => browser?.close())
process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')))

/// Runs a scenario. It fails on an error in the console of a page, and on one that no page caught; those that it `provokes` are
/// listed as patterns, and each of them has to come.
export function scenario(name, { provokes = [] }, play) {
  test(name, { timeout: 90_000 }, async () => {
    const stage = new Stage()
    try {
      await play(stage)
      for (const error of stage.errors) {
        assert(provokes.some((pattern) => pattern.test(error)), `an error of a page: ${error}`)
      }
      for (const pattern of provokes) {
        assert(stage.errors.some((error) => pattern.test(error)), `${pattern} did not come`)
      }
    } finally {
      await stage.end()
    }
  })
}

/// The console's line about a response with this status.
export const status = (code) => new RegExp(`^Failed to load resource: the server responded with a status of ${code} `)

class Stage {
  errors = []
  #endings = []

  /// Starts the demo on a free port, and returns its address.
  async demo(...flags) {
    // Without the environment variables that the program reads.
    const { SESSION_SECRET, REDIS_URL, DATABASE_URL, RUST_LOG, ...env } = process.env
    const secret = '0123456789abcdef0123456789abcdef'
    const child = this.#start(PROGRAM, ['--listen', '127.0.0.1:0', '--secret', secret, ...flags], { env })
    for await (const output of child.stdout) {
      const address = String(output).match(/listening on (\S+)/)
      if (address) return address[1]
    }
    throw new Error(`${PROGRAM} ${flags.join(' ')} does not start`)
  }

  /// Returns a Redis that keeps what it has acknowledged, and can be stopped and started.
  async redis() {
    const folder = await this.folder()
    const port = await freePort()
    const flags = ['--port', port, '--bind', '127.0.0.1', '--appendonly', 'yes', '--appendfsync', 'always', '--dir', folder]
    let child
    const start = async () => {
      child = this.#start('redis-server', flags.map(String))
      for await (const line of child.stdout) {
        if (String(line).includes('Ready to accept connections')) return child.stdout.resume()
      }
      throw new Error('redis-server does not start')
    }
    const stop = async () => {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    await start()
    return { url: `redis://127.0.0.1:${port}`, start, stop }
  }

  /// Starts a memcached, and returns its address.
  async memcached() {
    const port = await freePort()
    this.#start('memcached', ['-l', '127.0.0.1', '-p', String(port), '-u', 'root'])
    for (let tries = 1; ; tries += 1) {
      const socket = connect(port, '127.0.0.1')
      const answers = await new Promise((resolve) => socket.on('connect', () => resolve(true)).on('error', () => resolve(false)))
      socket.destroy()
      if (answers) return `127.0.0.1:${port}`
      assert(tries < 200, 'memcached does not start')
      await sleep(20)
    }
  }

  /// Serves a page of another site: `localhost` is one beside `127.0.0.1`, though both are this machine.
  async site(html, host = 'localhost') {
    const server = createServer((_, response) => response.setHeader('content-type', 'text/html').end(`<link rel="icon" href="data:,">${html}`))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    this.#endings.push(() => server.close())
    return `http://${host}:${server.address().port}/`
  }

  /// Returns a profile, which has cookies of its own.
  async profile(settings = {}) {
    return this.#watched(await browser.newContext(settings))
  }

  /// Returns a profile whose user has blocked all cookies.
  async profileWithoutCookies() {
    const folder = await this.folder()
    await mkdir(join(folder, 'Default'))
    const preferences = { profile: { default_content_setting_values: { cookies: 2 } } }
    await writeFile(join(folder, 'Default', 'Preferences'), JSON.stringify(preferences))
    return this.#watched(await chromium.launchPersistentContext(folder, options))
  }

  /// Opens a page of a profile, without one of a new profile.
  async open(url, profile) {
    const page = await (profile ?? (await this.profile())).newPage()
    await page.goto(url)
    return page
  }

  async folder() {
    const folder = await mkdtemp(join(tmpdir(), 'session-browser-'))
    this.#endings.push(() => rm(folder, { recursive: true, force: true }))
    return folder
  }

  async end() {
    for (const ending of this.#endings.reverse()) await ending()
  }

  #watched(profile) {
    profile.setDefaultTimeout(PATIENCE)
    profile.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(`${message.text()} ${message.location().url}`)
    })
    profile.on('weberror', (error) => this.errors.push(String(error.error())))
    this.#endings.push(() => profile.close())
    return profile
  }

  #start(name, flags, settings = {}) {
    const child = spawn(name, flags, { stdio: ['ignore', 'pipe', 'inherit'], ...settings })
    children.add(child)
    const ended = once(child, 'exit').then(() => children.delete(child))
    this.#endings.push(async () => {
      child.kill('SIGKILL')
      await ended
    })
    return child
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

/// Waits until an element of the page has this text.
export async function shows(page, id, text) {
  const element = page.locator(`#${id}`)
  const fits = (found) => (text instanceof RegExp ? text.test(found) : text === found)
  for (const start = Date.now(); ; await sleep(20)) {
    const found = await element.textContent()
    if (fits(found)) return
    assert(Date.now() - start < PATIENCE, `#${id} shows ${JSON.stringify(found)}, not ${text}`)
  }
}

/// Waits until the list of requests has this line.
export async function requested(page, line) {
  await page.locator('#requests').getByText(line, { exact: true }).first().waitFor()
}

export const press = (page, name) => page.getByRole('button', { name, exact: true }).click()

export async function logIn(page, user = 'ann') {
  await page.getByLabel('Your name').fill(user)
  await press(page, 'Log in')
  await shows(page, 'message', `Logged in as ${user}.`)
}

/// Returns the session cookie as the browser keeps it.
export async function cookie(profile) {
  const cookies = await profile.cookies()
  assert(cookies.length <= 1, 'there is one cookie')
  return cookies[0]
}

export { assert, sleep }
