// The buttons of a chart card: data-chart-act="log | png | svg | csv | enlarge | full".
import { switchScale } from './chart-log.js';
import { written } from './chart-data.js';
import { chartOf, draw, showSize } from './charts.js';
import { $, $$ } from './dom.js';
import * as state from './url-state.js';

function save(name, href) {
  const link = document.createElement('a');
  link.download = name;
  link.href = href;
  link.click();
}

const fileName = (chart, end) => `${(chart.el.dataset.title ?? 'chart').replace(/[^\w.-]+/g, '-')}.${end}`;

async function picture(chart, format, size) {
  const background = getComputedStyle(document.documentElement).getPropertyValue('--surface').trim();
  const { layout } = chart.el;
  const { data } = chart.figure;
  const url = await Plotly.toImage({ data, layout: { ...layout, paper_bgcolor: background } }, { format, width: 1200, height: 700, ...size });
  save(fileName(chart, format), url);
}

const png = (chart) => picture(chart, 'png', { scale: 2 });
const svg = (chart) => picture(chart, 'svg');

// The card alone on the screen; Escape brings the page back.
async function full(chart) {
  if (document.fullscreenElement) await document.exitFullscreen();
  else await chart.card.requestFullscreen();
}

document.addEventListener('fullscreenchange', () => {
  for (const el of $$('.chart-card .chart')) if (chartOf(el)?.drawn) Plotly.Plots.resize(el);
});

const quoted = (value) => (/[",\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : (value ?? ''));

// What is drawn, as rows of series, x, y. Zoom in first for exact points.
export function rows({ data, layout }) {
  const isMoment = layout.xaxis?.type === 'date';
  const out = [['series', 'x', 'y']];
  for (const trace of data) {
    if (!trace.name || !trace.x) continue;
    trace.x.forEach((x, i) => out.push([trace.name, isMoment ? new Date(x).toISOString() : written(trace.x, i), written(trace.y, i)]));
  }
  return out;
}

function csv(chart) {
  const text = rows(chart.body.figure).map((row) => row.map(quoted).join(',')).join('\r\n');
  const url = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
  save(fileName(chart, 'csv'), url);
  URL.revokeObjectURL(url);
}

function log(chart, button) {
  switchScale(chart);
  button.setAttribute('aria-pressed', String(chart.logY));
  draw(chart);
}

async function enlarge(chart) {
  const names = new Set(state.list('wide'));
  if (chart.card.classList.contains('wide')) names.delete(state.inList(chart.id));
  else names.add(state.inList(chart.id));
  state.set('wide', [...names].join(','));
  showSize(chart);
  await draw(chart);
  Plotly.Plots.resize(chart.el);
}

const acts = { png, svg, csv, log, enlarge, full };

document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-chart-act]');
  if (!button) return;
  const chart = chartOf($('.chart', button.closest('.chart-card')));
  if (chart?.drawn) acts[button.dataset.chartAct](chart, button);
});
