// Keeps the page live: hears from the collector when something was reported, while somebody can see the page, and says
// how old what it shows is. Where the stream can't get through, the page asks by itself.
const page = () => document.getElementById("page");
const status = document.getElementById("live");
const text = document.getElementById("live-text");

// The collector speaks at least every 15 s; silence for longer means that something swallows the stream.
const SILENCE_MS = 40000;

let updatedAt = Date.now();
let failedSince = null;
let stream = null;
let heardAt = Date.now();
let known = null;
let due = null;

const period = () => Number(page().dataset.refreshS) * 1000;

function age(ms) {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`;
}

function say() {
  const passed = Date.now() - updatedAt;
  status.classList.toggle("late", failedSince !== null);
  text.textContent = failedSince === null ? (passed < 2000 ? "just now" : `${age(passed)} ago`) : `no answer for ${age(passed)}`;
}

function refresh() {
  clearTimeout(due);
  due = null;
  if (document.hidden || selecting()) return;
  page().dispatchEvent(new CustomEvent("heaptide:refresh"));
}

// Reports may come many times a second; a page is drawn anew at most once in its period.
function refreshSoon() {
  due ??= setTimeout(refresh, Math.max(0, updatedAt + period() - Date.now()));
}

// A refresh would take the selection away from somebody who is about to copy it.
function selecting() {
  const selection = getSelection();
  return selection && !selection.isCollapsed && page().contains(selection.anchorNode);
}

function listen() {
  if (stream || document.hidden) return;
  stream = new EventSource(page().dataset.live);
  stream.addEventListener("open", () => {
    status.dataset.stream = "open";
  });
  stream.addEventListener("changed", (event) => {
    heardAt = Date.now();
    const isNews = known !== null && known !== event.data;
    known = event.data;
    if (isNews || failedSince !== null) refreshSoon();
  });
  // What isn't a report, such as a leak that somebody resolved, is seen with the next of these.
  stream.addEventListener("alive", () => {
    heardAt = Date.now();
    if (Date.now() - updatedAt >= period()) refreshSoon();
  });
}

function fallSilent() {
  stream?.close();
  stream = null;
  delete status.dataset.stream;
}

if (status) {
  document.addEventListener("htmx:after:swap", (event) => {
    if (event.target.closest?.("[data-part]")) {
      document.dispatchEvent(new CustomEvent("heaptide:part"));
      return;
    }
    updatedAt = Date.now();
    failedSince = null;
    say();
    document.dispatchEvent(new CustomEvent("heaptide:updated"));
    for (const part of document.querySelectorAll("[data-part]")) part.dispatchEvent(new CustomEvent("heaptide:refresh"));
  });
  for (const failure of ["htmx:error", "htmx:response:error"]) {
    document.addEventListener(failure, () => {
      failedSince ??= Date.now();
      say();
    });
  }
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      fallSilent();
    } else {
      listen();
      if (Date.now() - updatedAt > period()) refresh();
    }
  });
  setInterval(() => {
    say();
    const silent = Date.now() - Math.max(heardAt, updatedAt);
    if (!document.hidden && (silent > SILENCE_MS || (failedSince !== null && silent > period()))) refreshSoon();
  }, 1000);
  addEventListener("pagehide", fallSilent);
  addEventListener("pageshow", listen);
  say();
}
