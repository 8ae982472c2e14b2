// Copies prepared texts: a button names by `data-copy` the element whose text it takes.
async function copied(source) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(source.textContent);
    return true;
  }
  // Without TLS a browser has no clipboard for scripts: it copies what is selected.
  getSelection().selectAllChildren(source);
  const done = document.execCommand("copy");
  getSelection().removeAllRanges();
  return done;
}

function say(button, text) {
  const label = button.querySelector("[data-label]") ?? button;
  button.dataset.before ??= label.textContent;
  label.textContent = text;
  setTimeout(() => {
    label.textContent = button.dataset.before;
  }, 2000);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  const closed = source.closest("details:not([open])");
  if (closed) closed.open = true;
  try {
    say(button, (await copied(source)) ? "Copied" : "Select it below");
  } catch {
    say(button, "Select it below");
  }
});
