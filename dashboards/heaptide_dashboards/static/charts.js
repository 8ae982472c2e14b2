// Draws the figures that the collector describes: fetches them, gives them the theme's colours and the browser's clock.
/* global Plotly */
const drawn = new Map();

// A probe resolves any colour that the style sheet can write, such as light-dark(), to what a chart understands.
const probe = document.createElement("i");
probe.hidden = true;
document.documentElement.append(probe);

function colour(name) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

function faded(name, opacity) {
  return colour(name).replace(/^rgb\((.*)\)$/, `rgba($1, ${opacity})`);
}

// plotly.js shows every date in UTC: a shift by the zone's offset makes it show the local one.
function local(ms) {
  return ms === null ? null : ms - new Date(ms).getTimezoneOffset() * 60000;
}

function coloured(trace) {
  const { role, key } = trace.meta;
  const line = { ...trace.line };
  const result = { ...trace, line, x: trace.x.map(local) };
  if (role === "series") line.color = colour(`series-${key}`);
  if (role === "many") line.color = faded("accent", 0.4);
  if (role === "limit") line.color = colour("bad");
  if (role === "restart") line.color = colour("faint");
  if (role === "release") {
    line.color = colour("soft");
    result.textfont = { color: colour("soft"), size: 11 };
  }
  if (role === "trend") line.color = colour("warn");
  if (role === "edge") line.color = faded("warn", 0);
  if (role === "interval") {
    line.color = faded("warn", 0);
    result.fillcolor = faded("warn", 0.14);
  }
  if (role === "area") {
    line.color = colour("accent");
    result.fillcolor = faded("accent", 0.12);
  }
  return result;
}

function themed(layout) {
  const axis = { gridcolor: colour("rule"), linecolor: colour("rule"), tickfont: { color: colour("soft"), size: 11 } };
  const touch = matchMedia("(pointer: coarse)").matches;
  const xaxis = { ...layout.xaxis, ...axis, range: layout.xaxis.range.map(local), spikecolor: colour("faint") };
  return {
    ...layout,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, color: colour("ink"), size: 12 },
    hoverlabel: { bgcolor: colour("surface"), bordercolor: colour("rule"), font: { color: colour("ink"), size: 12 }, namelength: 40 },
    // A finger scrolls the page, it doesn't zoom.
    dragmode: touch ? false : layout.dragmode,
    xaxis: touch ? { ...xaxis, fixedrange: true } : xaxis,
    yaxis: { ...layout.yaxis, ...axis },
  };
}

function paint(element) {
  const { data, layout, config } = drawn.get(element);
  return Plotly.react(element, data.map(coloured), themed(layout), config);
}

async function draw(element) {
  const response = await fetch(element.dataset.figure, { headers: { Accept: "application/json" } });
  if (!response.ok || !element.isConnected) return;
  drawn.set(element, await response.json());
  await paint(element);
  element.dataset.drawn = "true";
}

function drawAll() {
  for (const element of drawn.keys()) if (!element.isConnected) drawn.delete(element);
  for (const element of document.querySelectorAll(".chart[data-figure]")) {
    draw(element).catch(() => {
      // The collector doesn't answer: the header says so, and the last drawing stays.
    });
  }
}

document.addEventListener("heaptide:updated", drawAll);
document.addEventListener("heaptide:theme", () => {
  for (const element of drawn.keys()) paint(element);
});
drawAll();
