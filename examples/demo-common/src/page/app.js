// The page is a client of the JSON routes like any other. Visitors choose the session data, so it enters the page
// as text (`textContent`), never as markup.
"use strict";

const REQUESTS_SHOWN = 6;

// The other tabs of this page, which share its cookie.
const tabs = new BroadcastChannel("session");

const UNITS = [["days", 86400], ["hours", 3600], ["minutes", 60], ["seconds", 1]];

// When the session expires, by the clock of this page; null without a session.
let expires = null;

const element = (id) => document.getElementById(id);

// --- What can be done -------------------------------------------------------------------------------------------------

const increment = () => request("POST", "/increment");

on("reload", "click", () => act());

on("login", "submit", () => {
  const user = element("name").value;
  const remember = element("remember").checked;
  act(() => request("POST", "/login", JSON.stringify({ user, remember })), () => `Logged in as ${user}.`);
});

on("logout", "submit", () => act(() => request("POST", "/logout"), () => "Logged out: the session is destroyed."));

on("add-one", "click", () => act(increment, () => "Counted."));

on("add-ten", "click", () => {
  let before;
  const work = async () => {
    // The first request goes alone: without a cookie, each would begin its own session.
    const first = await increment();
    before = count(first) - 1;
    await Promise.all(Array.from({ length: 9 }, increment));
    return first;
  };
  act(work, (session) => {
    const counted = count(session) - before;
    return counted < 10
      ? `Only ${counted} of 10 requests were counted: each answer sets the whole cookie, and the last one wins.`
      : "All 10 requests were counted.";
  });
});

on("set", "submit", () => {
  const key = element("key").value;
  const value = element("value").value;
  // Joined as text, because parsing would round long numbers.
  const body = `{${JSON.stringify(key)}: ${isJson(value) ? value : JSON.stringify(value)}}`;
  act(() => request("POST", "/update_session", body), () => `${key} is set.`);
});

on("renew", "click", () => act(() => request("POST", "/renew"), () => "Renewed: the same data, a new cookie."));

on("clear", "click", () => act(() => request("POST", "/clear_session"), () => "Cleared."));

// A store that can't list sessions returns no number.
const revoked = (count) => `${count ?? "All"} ${count === 1 ? "session" : "sessions"} ended.`;

on("revoke-others", "click", () => endSessions("/sessions/revoke_others"));

on("revoke-all", "click", () => endSessions("/sessions/revoke_all"));

/// Ends sessions, then shows those that are left.
function endSessions(path, body) {
  let ended;
  const work = async () => {
    ended = JSON.parse(await request("POST", path, body)).revoked;
    return "{}";
  };
  act(work, () => revoked(ended));
}

tabs.onmessage = () => act(undefined, () => "Another tab has changed the session.");

// When the user comes back to the page, the browser may show it as it was left.
window.addEventListener("pageshow", ({ persisted }) => persisted && act());

setInterval(showTimeLeft, 1000);

act();

// --- Requests ---------------------------------------------------------------------------------------------------------

function on(id, event, handle) {
  element(id).addEventListener(event, (fired) => {
    fired.preventDefault();
    handle();
  });
}

/// Does the work of a button. Then shows the session as the next request finds it, and a message.
async function act(work, message = () => "") {
  const focused = document.activeElement;
  const heading = focused.closest("section")?.querySelector("h2");
  try {
    const answered = await work?.();
    if (work) {
      tabs.postMessage("changed");
    }
    const kept = show(await request("GET", "/session"));
    await showSessions(!element("logout").hidden);
    if ((answered ?? "{}") !== "{}" && kept === "{}") {
      throw new Error("Your browser did not send the cookie back. Were --domain or --https-only given for another address?");
    }
    say(message(kept), false);
  } catch (error) {
    say(error.message, true);
  }
  if (!focused.checkVisibility()) {
    // The focus stays where it was, instead of moving to the top of the page.
    (heading?.checkVisibility() ? heading : element("session-title")).focus({ preventScroll: true });
  }
}

/// Sends a request and returns the JSON text of the answer; of a session, without its envelope.
async function request(method, path, body) {
  let response;
  let text;
  try {
    const headers = body ? { "Content-Type": "application/json" } : {};
    response = await fetch(path, { method, headers, body, cache: "no-store" });
    text = await response.text();
  } catch {
    throw new Error("The server does not answer. Is it still running?");
  }
  const cookie = { new: ", new cookie", removed: ", cookie removed" }[response.headers.get("x-session-cookie")] ?? "";
  log(`${method} ${path} → ${response.status}${cookie}`);
  if (!response.ok) {
    throw new Error(JSON.parse(text).error);
  }
  return text.match(/^\{"session": (.*)\}$/s)?.[1] ?? text;
}

/// Adds a line to the list of requests. Equal lines in a row become one.
function log(line) {
  const list = element("requests");
  const times = list.firstChild?.dataset.line === line ? Number(list.firstChild.dataset.times) + 1 : 1;
  const entry = times > 1 ? list.firstChild : document.createElement("li");
  Object.assign(entry.dataset, { line, times });
  entry.textContent = times > 1 ? `${line} (${times} times)` : line;
  list.prepend(entry);
  while (list.children.length > REQUESTS_SHOWN) {
    list.lastChild.remove();
  }
}

function say(message, isError) {
  element("message").textContent = message;
  element("message").classList.toggle("error", isError);
}

// --- The session ------------------------------------------------------------------------------------------------------

/// Shows the answer of `/session`, and returns the JSON text of the session.
function show(answer) {
  const [, facts, session] = answer.match(/^(.*?), "session": (.*)\}$/s);
  const { id, expires_in } = JSON.parse(`${facts}}`);
  const { pretty, entries } = read(session);
  element("id").textContent = id ?? "none";
  expires = expires_in === null ? null : Date.now() + expires_in * 1000;
  showTimeLeft();
  element("json").textContent = pretty;

  const keys = [...entries.keys()].map((key) => {
    const code = document.createElement("code");
    code.textContent = key;
    return code;
  });
  element("keys").replaceChildren(...(keys.length > 0 ? keys : ["none"]));

  const user = entries.get("user");
  const isLoggedIn = user !== undefined && user.startsWith('"');
  element("user").textContent = isLoggedIn ? `as ${JSON.parse(user)}` : "no";
  element("user").classList.toggle("yes", isLoggedIn);
  element("login").hidden = isLoggedIn;
  element("logout").hidden = !isLoggedIn;

  element("count").textContent = count(session) ?? "–";
  return session;
}

function showTimeLeft() {
  const seconds = Math.round((expires - Date.now()) / 1000);
  const [unit, size] = UNITS.find(([, size]) => seconds >= 2 * size) ?? UNITS.at(-1);
  const left = seconds > 0 ? `${Math.round(seconds / size)} ${unit} without use` : "expired";
  element("time-left").textContent = expires === null ? "–" : left;
}

/// Lists where the user is signed in. A store with epochs ends all sessions of a user, but lists none.
async function showSessions(isLoggedIn) {
  const { index } = element("devices").dataset;
  let sessions = [];
  if (isLoggedIn && index === "sessions") {
    try {
      sessions = JSON.parse(await request("GET", "/sessions")).sessions;
    } catch {
      // The list of requests shows the status.
    }
  }
  element("revoke-others").hidden = index === "epochs";
  element("devices").hidden = sessions.length === 0 && !(isLoggedIn && index === "epochs");
  element("sessions").replaceChildren(...sessions.map(listed));
}

function listed({ ref, current, last_seen, label }) {
  const entry = document.createElement("li");
  const seen = document.createElement("small");
  const time = last_seen === null ? "" : new Date(last_seen * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  seen.textContent = [current ? "this browser" : "", time && `last seen ${time}`].filter(Boolean).join(", ");
  const name = document.createElement("span");
  name.append(device(label ?? "unknown"), seen);
  entry.append(name);
  if (!current) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet small";
    button.textContent = "Sign out";
    button.addEventListener("click", () => endSessions("/sessions/revoke", JSON.stringify({ ref })));
    entry.append(button);
  }
  return entry;
}

/// The browser and the system that a `User-Agent` header names; the header itself where it names none.
function device(label) {
  const browser = label.match(/Firefox|Edg|OPR|Chrome|Safari/)?.[0];
  const system = label.match(/Android|iPhone|iPad|Windows|Mac|Linux/)?.[0];
  return browser && system ? `${{ Edg: "Edge", OPR: "Opera" }[browser] ?? browser} on ${system}` : label;
}

/// The counter, or nothing if its key holds another value.
function count(session) {
  const value = Number(read(session).entries.get("n") ?? 0);
  return Number.isNaN(value) ? undefined : value;
}

/// Lays JSON text out, and finds the keys of the object with the first token of their values. Not by `JSON.parse`, which
/// would round long numbers and knows no `NaN`, which Python writes.
function read(json) {
  const tokens = json.match(/"(?:[^"\\]+|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
  const opens = (token) => token === "{" || token === "[";
  const closes = (token) => token === "}" || token === "]";
  const entries = new Map();
  let pretty = "";
  let indent = "";
  tokens.forEach((token, at) => {
    const next = tokens[at + 1];
    if (indent === "  " && next === ":") {
      entries.set(JSON.parse(token), tokens[at + 2]);
    }
    if (opens(token)) {
      indent += "  ";
      pretty += closes(next) ? token : `${token}\n${indent}`;
    } else if (closes(token)) {
      indent = indent.slice(2);
      pretty += opens(tokens[at - 1]) ? token : `\n${indent}${token}`;
    } else {
      pretty += { ",": `,\n${indent}`, ":": ": " }[token] ?? token;
    }
  });
  return { pretty, entries };
}

function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
