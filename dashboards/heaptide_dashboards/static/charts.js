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

const BANDS = { band: ["series-1", 0.18], forecast: ["bad", 0.14], part: [null, 0.55] };

// On a narrow chart names would be written over each other: the list below it has them.
const NARROW = 560;

function coloured(trace, isDate, width) {
  const { role, key } = trace.meta;
  const line = { ...trace.line };
  const result = { ...trace, line };
  if (isDate) result.x = trace.x.map(local);
  if (role === "series" || role === "part") line.color = colour(`series-${key}`);
  if (role === "many") line.color = faded("accent", 0.4);
  if (role === "total") line.color = colour("ink");
  if (role === "limit" || role === "forecast") line.color = colour("bad");
  if (role === "restart") line.color = colour("faint");
  if (role === "band") line.color = "rgba(0,0,0,0)";
  if (role === "release" || role === "event") {
    line.color = colour("soft");
    result.textfont = { color: colour("soft"), size: 11 };
    if (width < NARROW) result.mode = "lines";
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
  if (role in BANDS) result.fillcolor = faded(BANDS[role][0] ?? `series-${key}`, BANDS[role][1]);
  return result;
}

function themed(layout, width) {
  const axis = { gridcolor: colour("rule"), linecolor: colour("rule"), tickfont: { color: colour("soft"), size: 11 } };
  const touch = matchMedia("(pointer: coarse)").matches;
  const range = layout.xaxis.type === "date" ? layout.xaxis.range.map(local) : layout.xaxis.range;
  const xaxis = { ...layout.xaxis, ...axis, range, spikecolor: colour("faint"), tickangle: 0 };
  if (layout.xaxis.type === "date") xaxis.nticks = Math.max(3, Math.floor(width / 110));
  else if (width < NARROW) for (const part of ["tickvals", "ticktext"]) xaxis[part] = layout.xaxis[part].filter((_, index) => index % 2 === 0);
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
  const isDate = layout.xaxis.type === "date";
  const width = element.clientWidth;
  return Plotly.react(element, data.map((trace) => coloured(trace, isDate, width)), themed(layout, width), config);
}

async function show(element, figure) {
  drawn.set(element, figure);
  await paint(element);
  element.dataset.drawn = "true";
}

async function draw(element) {
  const response = await fetch(element.dataset.figure, { headers: { Accept: "application/json" } });
  if (response.ok && element.isConnected) await show(element, await response.json());
}

function forget() {
  for (const element of drawn.keys()) if (!element.isConnected) drawn.delete(element);
}

// Figures that come from an address of their own.
function drawAll() {
  forget();
  for (const element of document.querySelectorAll(".chart[data-figure]")) {
    draw(element).catch(() => {
      // The collector doesn't answer: the header says so, and the last drawing stays.
    });
  }
}

// Figures that came with a part of the page. The text is kept beside: an unchanged one isn't drawn again.
const plotted = new WeakMap();
function plotAll() {
  forget();
  for (const plot of document.querySelectorAll(".plot[data-for]")) {
    const element = document.getElementById(plot.dataset.for);
    if (!element || plotted.get(element) === plot.dataset.plot) continue;
    plotted.set(element, plot.dataset.plot);
    show(element, JSON.parse(plot.dataset.plot));
  }
}

document.addEventListener("heaptide:updated", drawAll);
document.addEventListener("heaptide:part", plotAll);
document.addEventListener("heaptide:theme", () => {
  for (const element of drawn.keys()) paint(element);
});
drawAll();
plotAll();
