// Draws <div class="chart" data-chart="URL" data-refresh="2">. URL answers {figure, empty, live, note, legend}.
// Redraws on theme change, refreshes while live, refetches a zoomed range exactly, never resets the view.
import { resolve, tokens } from './chart-colors.js';
import { onChange, params } from './chart-controls.js';
import { unpackedFigure } from './chart-data.js';
import { hushAll, retell, sync } from './chart-hover.js';
import { isMany, layOver, takeOff, withoutLines } from './chart-lines.js';
import { fitTicks, isLogarithmic, logarithmic } from './chart-log.js';
import { errorBox, legend, legendOf, sentenceBox } from './chart-parts.js';
import { inTurn } from './chart-queue.js';
import { watchDoubleClicks } from './chart-unzoom.js';
import * as zooms from './chart-zoom.js';
import { $, $$, sentence } from './dom.js';
import { every } from './live.js';
import { inList, list } from './url-state.js';

const CONFIG = { displayModeBar: false, responsive: true, doubleClick: 'autosize', showTips: false };
const charts = new Map();

// Plotly is on its way, but read only once the first figures have been asked for: that takes longer than all else.
const plotly = new Promise((ready, failed) => {
  const script = document.createElement('script');
  script.src = $('link[data-plotly]').href;
  script.addEventListener('load', ready, { once: true });
  script.addEventListener('error', () => failed(new Error('The drawing library did not load.')), { once: true });
  setTimeout(() => document.head.append(script));
});
plotly.catch(() => {}); // each chart says so itself

export const chartOf = (el) => charts.get(el);
export const all = charts;

const axisOf = (url) => url.searchParams.get('x') ?? 'step';

export function addressOf(chart) {
  const url = new URL(chart.el.dataset.chart, location.origin);
  for (const [key, value] of Object.entries(params())) if (value) url.searchParams.set(key, value);
  if (chart.range && chart.range.axis === axisOf(url)) {
    url.searchParams.set('first', chart.range.first);
    url.searchParams.set('last', chart.range.last);
  }
  url.searchParams.set('width', Math.max(200, Math.min(2000, Math.round(chart.el.clientWidth || 600))));
  return url;
}

const pageAxis = (chart) => axisOf(addressOf(chart));

function note(chart, text) {
  const place = $('[data-chart-note]', chart.card);
  if (place) place.textContent = text;
}

function message(chart, node) {
  takeOff(chart);
  if (chart.drawn) Plotly.purge(chart.el);
  chart.drawn = false;
  chart.el.replaceChildren(node);
}

export async function draw(chart) {
  const { body } = chart;
  chart.axis = body.axis;
  // A range that the page's axis has left behind: the figure starts anew, and so does the zoom.
  if (body.empty || chart.range?.axis !== chart.axis) zooms.keep(chart, null, pageAxis(chart));
  if (body.empty) zooms.keepHeights(chart, null);
  note(chart, body.note ?? '');
  legend(chart.card, legendOf(chart));
  if (body.empty) {
    message(chart, sentenceBox(body.empty));
    return;
  }
  const { data, layout } = (chart.figure = resolve(body.figure, tokens()));
  if (layout.yaxis && (chart.logY || layout.yaxis.type === 'log')) layout.yaxis = logarithmic(layout.yaxis, chart.el.layout?.yaxis);
  zooms.apply(chart, layout);
  // A finger scrolls the page; in an enlarged chart it zooms.
  if (matchMedia('(pointer: coarse)').matches && !chart.card.classList.contains('wide')) layout.dragmode = false;
  if (!chart.drawn) chart.el.replaceChildren();
  await plotly;
  const shown = isMany(body.figure) ? withoutLines(chart, { data, layout }) : { data, layout };
  await Plotly.react(chart.el, shown.data, shown.layout, CONFIG);
  if (isMany(body.figure)) layOver(chart);
  else takeOff(chart);
  if (!chart.drawn) {
    chart.el.on('plotly_relayout', (change) => zoomed(chart, change));
    sync(charts, chart);
    performance.mark(`chart ${chart.id}`);
  }
  chart.drawn = true;
  await fitTicks(chart.el);
  retell(chart);
  chart.el.dispatchEvent(new CustomEvent('drawn', { bubbles: true }));
}

// Drag zoom: the figure moves at once, then the exact points of the range replace the buckets.
function zoomed(chart, change) {
  fitTicks(chart.el);
  if (!chart.zooms || !zooms.follow(chart, change, pageAxis(chart))) return;
  ask(chart);
  if (zooms.isShared()) shareZoom(chart);
}

function shareZoom(chart) {
  for (const other of charts.values()) {
    if (other === chart || !other.zooms) continue;
    other.range = chart.range;
    askWhenNear(other);
  }
}

async function fetched(url, signal) {
  const answer = await fetch(url, { headers: { Accept: 'application/json' }, signal });
  if (!answer.ok) throw new Error(await sentence(answer));
  const body = await answer.json();
  return { ...body, figure: unpackedFigure(body.figure), axis: axisOf(url) };
}

// Fetches and draws. Resolves to whether the chart is still live.
export async function load(chart) {
  chart.request?.abort();
  const { signal } = (chart.request = new AbortController());
  chart.stale = false;
  const wait = setTimeout(() => !chart.body && chart.el.classList.add('loading'), 300);
  try {
    const url = addressOf(chart);
    const body = await inTurn(() => fetched(url, signal), signal);
    if (signal.aborted) return true;
    chart.body = body;
    chart.el.dispatchEvent(new CustomEvent('chartbody', { bubbles: true, detail: chart })); // what marks points does so now
    if (chart.held) chart.late = true;
    else await draw(chart);
  } catch (error) {
    if (signal.aborted) return true;
    if (!chart.body) message(chart, errorBox(`This chart did not load. ${error.message}`, () => ask(chart)));
    else throw error;
  } finally {
    clearTimeout(wait);
    if (!signal.aborted) chart.el.classList.remove('loading');
  }
  return chart.body?.live ?? true;
}

// The same for the reader, who is told when what is shown is not what was asked for.
export const ask = (chart) => load(chart).catch((error) => note(chart, `${error.message} What you see is from before.`));

// While a finger or button is down the reader is zooming: what arrives is drawn once it is up, and the zoom known.
const release = () =>
  setTimeout(() => {
    for (const chart of charts.values()) {
      chart.held = false;
      if (chart.late) draw(chart);
      chart.late = false;
    }
  });

// Enlarged charts are in the address.
export function showSize(chart) {
  const wide = list('wide').includes(inList(chart.id));
  chart.card.classList.toggle('wide', wide);
  $('[data-chart-act="enlarge"]', chart.card)?.setAttribute('aria-pressed', String(wide));
}

export function register(el) {
  if (charts.has(el)) return;
  const id = el.dataset.chartId ?? '';
  const chart = { el, id, card: el.closest('.chart-card') ?? el.parentElement, body: null, zooms: 'zoom' in el.dataset };
  chart.logY = isLogarithmic(chart);
  zooms.restore(chart, pageAxis(chart));
  $('[data-chart-act="log"]', chart.card)?.setAttribute('aria-pressed', String(chart.logY));
  showSize(chart);
  charts.set(el, chart);
  el.addEventListener('pointerdown', () => (chart.held = true));
  watchDoubleClicks(el);
  if (chart.zooms || $('[data-chart-act="enlarge"]', chart.card)) el.tabIndex = 0;
  if (el.dataset.refresh) every(Number(el.dataset.refresh), () => (el.isConnected ? refreshed(chart) : false));
  // Told of it only when the page is at rest; those in sight do not wait.
  const { top, bottom } = el.getBoundingClientRect();
  if (bottom > 0 && top < innerHeight) cameNear(chart);
  watcher.observe(el);
}

// Charts load as they come near, and give up when they leave before they have arrived.
function cameNear(chart) {
  chart.near = true;
  if (chart.seen && !chart.stale) return;
  chart.seen = true;
  ask(chart);
}

function left(chart) {
  chart.near = false;
  if (chart.body || !chart.seen) return;
  chart.seen = false;
  chart.request.abort();
}


const watcher = new IntersectionObserver(
  (changes) => {
    for (const { target, isIntersecting } of changes) {
      const chart = charts.get(target);
      if (chart) (isIntersecting ? cameNear : left)(chart);
    }
  },
  { rootMargin: '300px' },
);

const refreshed = (chart) => (chart.near ? load(chart) : true);

// Those out of sight follow when they come near again.
export function askWhenNear(chart) {
  if (chart.near) ask(chart);
  else chart.stale = chart.seen;
}

export const reloadAll = () => charts.forEach(askWhenNear);

// Picks up charts that came later (htmx swaps, live parts) and lets go of removed ones.
export function scan(root = document) {
  for (const el of charts.keys()) {
    if (el.isConnected) continue;
    charts.get(el).request?.abort();
    watcher.unobserve(el);
    takeOff(charts.get(el));
    if (charts.get(el).drawn) Plotly.purge(el);
    charts.delete(el);
  }
  $$('.chart[data-chart]', root).forEach(register);
}

addEventListener('pointerup', release);
addEventListener('pointercancel', release);
addEventListener('themechange', () => charts.forEach((chart) => chart.body && draw(chart)));
document.addEventListener('htmx:afterSettle', () => scan());
document.addEventListener('refreshed', () => scan());
onChange((name) => {
  // Ends in steps say nothing of minutes.
  if (name === 'x' || name === 'share') zooms.dropAll(charts);
  hushAll(charts);
  reloadAll();
});

// The browser goes to the place that the address names once everything has run, and Plotly takes long to run: those
// that will be in sight there are asked for before.
const place = document.getElementById(location.hash.slice(1));
if (place && document.readyState === 'interactive' && !scrollY) place.scrollIntoView({ behavior: 'instant' });
scan();
