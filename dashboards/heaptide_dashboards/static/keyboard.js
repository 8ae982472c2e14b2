// The keys that the help lists, and the filter that one of them leads to.
const page = () => document.getElementById("page");
const help = document.getElementById("help");
const said = document.getElementById("said");
const filter = () => document.getElementById("filter");

const seen = (element) => element.offsetParent !== null;
const rows = () => [...page().querySelectorAll("table.stack tbody tr")].filter((row) => !row.hidden && seen(row) && link(row));
const link = (row) => row.querySelector("a.whole, a");
const current = () => document.activeElement?.closest?.("table.stack tbody tr");

function move(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(current());
  const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1);
  link(all[next]).focus();
  all[next].scrollIntoView({ block: "nearest" });
}

function toggleHelp() {
  if (help.open) help.close();
  else help.showModal();
}

// On a leak's page its own button; in a list, the leak of the row that has the focus.
async function act(action, done) {
  const button = page().querySelector(`form[action$="/${action}"] button`);
  if (button) {
    button.click();
    return;
  }
  const row = current();
  if (!row?.dataset.leak) {
    tell("Choose a leak first: j and k move through the rows.");
    return;
  }
  const name = link(row).innerText;
  const answer = await fetch(`${row.dataset.leak}/${action}`, { method: "POST", redirect: "manual" });
  const worked = answer.ok || answer.type === "opaqueredirect";
  tell(worked ? `${done}: ${name}. Its page has a button to reopen it.` : `That didn't work: the collector answered ${answer.status}.`);
  page().dispatchEvent(new CustomEvent("heaptide:refresh"));
}

let silence = null;
function tell(text) {
  said.textContent = text;
  clearTimeout(silence);
  silence = setTimeout(() => {
    said.textContent = "";
  }, 6000);
}

const KEYS = {
  "/": () => filter()?.focus(),
  j: () => move(1),
  k: () => move(-1),
  e: () => act("resolve", "Resolved"),
  m: () => act("mute", "Muted"),
  "?": toggleHelp,
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest?.("input, textarea, select, [contenteditable]")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const does = KEYS[event.key];
  if (!does || (help.open && event.key !== "?")) return;
  event.preventDefault();
  does();
});

const opener = document.getElementById("keys-button");
opener.addEventListener("click", toggleHelp);
opener.hidden = false;

// The filter's text stands in the address, as everything else that the page shows.
function applyFilter() {
  const wanted = (filter()?.value ?? "").trim().toLowerCase();
  for (const row of page().querySelectorAll("table[data-filterable] tbody tr")) {
    row.hidden = wanted !== "" && !row.textContent.toLowerCase().includes(wanted);
  }
}

function keepFilter() {
  const address = new URL(location);
  if (filter().value.trim()) address.searchParams.set("q", filter().value.trim());
  else address.searchParams.delete("q");
  history.replaceState(null, "", address);
}

document.addEventListener("input", (event) => {
  if (event.target !== filter()) return;
  keepFilter();
  applyFilter();
});
document.addEventListener("heaptide:updated", applyFilter);
document.addEventListener("heaptide:part", applyFilter);
if (filter()) {
  filter().value = new URL(location).searchParams.get("q") ?? "";
  applyFilter();
}

// One menu at a time, and none when somebody points elsewhere.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

// Links from one view of a page to another keep the filter.
document.addEventListener("click", (event) => {
  const anchor = event.target.closest?.(".segments a, .menu a, a.pick, a.undo");
  if (!anchor || !filter()?.value.trim()) return;
  const address = new URL(anchor.href);
  address.searchParams.set("q", filter().value.trim());
  anchor.href = address;
}, true);

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("button[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.innerText.trim());
    tell("Copied.");
  } catch {
    getSelection().selectAllChildren(source);
    tell("Selected: copy it with your own keys.");
  }
});
