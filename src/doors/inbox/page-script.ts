/**
 * Script of the developer inbox, in plain JavaScript for the browser. All message contents are set as text, never as markup. A
 * new message is inserted above the others without touching them, so that focus, selection and open details stay.
 */
export const inboxScript = `
"use strict";
const byId = (id) => document.getElementById(id);
const list = byId("messages"), filter = byId("filter"), status = byId("status"), announce = byId("announce");
const channelNames = { email: "E-mail", sms: "SMS", whatsapp: "WhatsApp", voice: "Call", ussd: "USSD" };
const items = new Map();
let first = true;

function keyOf(message) { return [message.challengeId, message.at, message.to, message.channel].join(" "); }

function spoken(message) { return message.code === "" ? "notice" : "code " + [...message.code].join(" "); }

function ago(at) {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(at)) / 1000));
  if (seconds < 5) return "just now";
  if (seconds < 60) return seconds + " s ago";
  if (seconds < 3600) return Math.floor(seconds / 60) + " min ago";
  if (seconds < 86400) return Math.floor(seconds / 3600) + " h ago";
  return new Date(at).toLocaleString();
}

async function copy(code, digits, button) {
  try {
    await navigator.clipboard.writeText(code);
    button.textContent = "Copied";
    button.classList.add("done");
    announce.textContent = "Code copied";
  } catch {
    getSelection().selectAllChildren(digits);
    button.textContent = "Selected";
  }
  setTimeout(() => { button.textContent = "Copy"; button.classList.remove("done"); }, 1500);
}

function itemOf(message) {
  const item = byId("message").content.firstElementChild.cloneNode(true);
  const set = (selector, text) => { const element = item.querySelector(selector); element.textContent = text; return element; };
  const digits = set(".digits", message.code || "Notice");
  set(".spoken", spoken(message));
  set(".channel", channelNames[message.channel] || message.channel);
  set(".destination", message.to);
  set(".sender", message.from === undefined ? "" : "from " + message.from);
  set(".text", message.subject === undefined ? message.text : "Subject: " + message.subject + "\\n\\n" + message.text);
  const time = set("time", ago(message.at));
  time.dateTime = message.at;
  time.title = new Date(message.at).toLocaleString();
  const button = item.querySelector(".copy");
  button.hidden = message.code === "";
  button.setAttribute("aria-label", "Copy code for " + message.to);
  button.addEventListener("click", () => copy(message.code, digits, button));
  if (!first) {
    const card = item.querySelector("article");
    card.classList.add("fresh");
    setTimeout(() => card.classList.remove("fresh"), 6000);
  }
  return item;
}

function show(messages) {
  const keys = new Set(messages.map(keyOf));
  for (const [key, item] of items) if (!keys.has(key)) { item.remove(); items.delete(key); }
  const fresh = messages.filter((message) => !items.has(keyOf(message)));
  for (const message of fresh.reverse()) {
    const item = itemOf(message);
    item.dataset.to = message.to.toLowerCase();
    items.set(keyOf(message), item);
    list.prepend(item);
  }
  if (!first && fresh.length > 0) {
    const newest = fresh[fresh.length - 1];
    announce.textContent = "New message for " + newest.to + ": " + spoken(newest);
  }
  first = false;
  document.title = messages.length > 0 ? (messages[0].code || "Notice") + " · Latchkey inbox" : "Latchkey inbox";
  byId("empty").hidden = messages.length > 0;
  byId("filter-bar").hidden = messages.length < 2 && filter.value === "";
  applyFilter();
}

function applyFilter() {
  const wanted = filter.value.trim().toLowerCase();
  let shown = 0;
  for (const item of items.values()) {
    item.hidden = !item.dataset.to.includes(wanted);
    if (!item.hidden) shown += 1;
  }
  byId("no-match").hidden = shown > 0 || items.size === 0;
}

function setStatus(state, text) {
  document.body.className = state;
  if (status.textContent !== text) status.textContent = text;
}

async function poll() {
  if (!document.hidden) {
    try {
      const response = await fetch("/messages");
      if (!response.ok) throw new Error("refused");
      show(await response.json());
      setStatus("live", "Live");
    } catch {
      setStatus("offline", "The server does not answer. Trying again …");
    }
    for (const time of document.querySelectorAll("time")) time.textContent = ago(time.dateTime);
  }
  setTimeout(poll, 1000);
}

filter.addEventListener("input", applyFilter);
void poll();
`;
