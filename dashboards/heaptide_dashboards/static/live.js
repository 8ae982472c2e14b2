// Keeps the page live: asks for it anew every few seconds while somebody can see it, and says how old it is.
const page = () => document.getElementById("page");
const status = document.getElementById("live");
const text = document.getElementById("live-text");

let updatedAt = Date.now();
let failedSince = null;

const period = () => Number(page().dataset.refreshS) * 1000;

function say() {
  const age = Math.round((Date.now() - updatedAt) / 1000);
  status.classList.toggle("late", failedSince !== null);
  text.textContent = failedSince === null ? (age < 2 ? "just now" : `${age} s ago`) : `no answer for ${age} s`;
}

function refresh() {
  if (!document.hidden && !selecting()) page().dispatchEvent(new CustomEvent("heaptide:refresh"));
}

// A refresh would take the selection away from somebody who is about to copy it.
function selecting() {
  const selection = getSelection();
  return selection && !selection.isCollapsed && page().contains(selection.anchorNode);
}

if (status) {
  document.addEventListener("htmx:after:swap", () => {
    updatedAt = Date.now();
    failedSince = null;
    say();
    document.dispatchEvent(new CustomEvent("heaptide:updated"));
  });
  for (const failure of ["htmx:error", "htmx:response:error"]) {
    document.addEventListener(failure, () => {
      failedSince ??= Date.now();
      say();
    });
  }
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && Date.now() - updatedAt > period()) refresh();
  });
  setInterval(say, 1000);
  (function again() {
    setTimeout(() => {
      refresh();
      again();
    }, period());
  })();
  say();
}
