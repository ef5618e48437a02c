// The real Express side of the interop tests: express-session with connect-redis, or cookie-session, behind the routes of the demos.
//
//   node peer.mjs [--redis URL [--key-prefix P]] --cookie-name NAME --secret S [--secret OLD ...] [--max-age SECONDS] [--rolling]
//
// Without `--redis`, sessions live in the cookies of cookie-session. It ends when its stdin is closed, so that a test that is killed leaves no orphan behind.

import { parseArgs } from 'node:util'
import { RedisStore } from 'connect-redis'
import cookieSession from 'cookie-session'
import express from 'express'
import session from 'express-session'
import { createClient } from 'redis'

const { values: options } = parseArgs({
  options: {
    redis: { type: 'string' },
    secret: { type: 'string', multiple: true },
    'cookie-name': { type: 'string', default: 'connect.sid' },
    'max-age': { type: 'string' },
    rolling: { type: 'boolean', default: false },
    'key-prefix': { type: 'string', default: 'sess:' }
  }
})

const name = options['cookie-name']
const maxAge = options['max-age'] ? { maxAge: Number(options['max-age']) * 1000 } : {}
const inRedis = async () => {
  const client = await createClient({ url: options.redis }).connect()
  return session({
    name,
    secret: options.secret,
    store: new RedisStore({ client, prefix: options['key-prefix'] }),
    resave: false,
    saveUninitialized: false,
    rolling: options.rolling,
    cookie: maxAge
  })
}
const app = express()
app.use(options.redis ? await inRedis() : cookieSession({ name, keys: options.secret, ...maxAge }))
app.use(express.json({ type: () => true }))

const data = (request) => Object.fromEntries(Object.entries(request.session ?? {}).filter(([key]) => key !== 'cookie'))
const answer = (request, response) => response.json({ session: data(request) })

app.get('/view_session', answer)
app.post('/update_session', (request, response) => {
  Object.assign(request.session, request.body)
  answer(request, response)
})
// A new id, against fixation; the data is kept as the demos do.
app.post('/login', (request, response, next) => {
  const kept = data(request)
  const logIn = (error) => {
    if (error) return next(error)
    Object.assign(request.session, kept, { user: request.body.user })
    answer(request, response)
  }
  options.redis ? request.session.regenerate(logIn) : logIn()
})
app.post('/logout', (request, response, next) => {
  if (!options.redis) {
    request.session = null
    return answer(request, response)
  }
  request.session.destroy((error) => (error ? next(error) : response.json({ session: {} })))
})
app.post('/clear_session', (request, response) => {
  for (const key of Object.keys(data(request))) delete request.session[key]
  answer(request, response)
})

const server = app.listen(0, '127.0.0.1', () => console.log(`listening http://127.0.0.1:${server.address().port}`))
process.stdin.resume().on('end', () => process.exit())
