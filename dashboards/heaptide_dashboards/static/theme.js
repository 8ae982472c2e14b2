// Runs before the page is drawn, so that a chosen theme never flashes the other one.
(() => {
  const KEY = "heaptide-theme";
  const ORDER = ["auto", "light", "dark"];
  const WORDS = { auto: "follows the system", light: "light", dark: "dark" };
  const root = document.documentElement;

  const stored = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage is forbidden: the choice lasts as long as the page
    }
  };
  const keep = (choice) => {
    try {
      localStorage.setItem(KEY, choice);
    } catch {
      // as above
    }
  };
  const changed = () => document.dispatchEvent(new CustomEvent("heaptide:theme"));

  let choice = ORDER.includes(stored()) ? stored() : "auto";
  const apply = () => {
    if (choice === "auto") delete root.dataset.theme;
    else root.dataset.theme = choice;
  };
  apply();

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const show = () => {
      button.querySelector("use").setAttribute("href", `#i-${choice}`);
      button.querySelector(".sr").textContent = `Theme: ${WORDS[choice]}`;
      button.title = `Theme: ${WORDS[choice]}`;
    };
    button.addEventListener("click", () => {
      choice = ORDER[(ORDER.indexOf(choice) + 1) % ORDER.length];
      keep(choice);
      apply();
      show();
      changed();
    });
    show();
    button.hidden = false;
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
})();
