// Puts times into the reader's own zone: those that stand in the page, and the exact ones that a pointer finds.
const exact = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });
const zone = new Intl.DateTimeFormat("en", { timeZoneName: "short" });

function zoneOf(date) {
  return zone.formatToParts(date).find((part) => part.type === "timeZoneName").value;
}

function localise() {
  for (const element of document.querySelectorAll("time[datetime]")) {
    const date = new Date(element.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    const text = exact.format(date);
    if (element.classList.contains("clock")) element.textContent = text;
    element.title = `${text} ${zoneOf(date)}`;
  }
}

document.addEventListener("heaptide:updated", localise);
document.addEventListener("heaptide:part", localise);
localise();
