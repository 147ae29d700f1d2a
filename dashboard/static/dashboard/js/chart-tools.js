// The buttons of a chart card: data-chart-act="log | png | svg | csv | enlarge | full".
import './chart-keys.js';
import './chart-numbers.js';
import { switchScale } from './chart-log.js';
import { written } from './chart-data.js';
import { addressOf, chartOf, draw, showSize } from './charts.js';
import { legend, legendOf } from './chart-parts.js';
import { $, $$ } from './dom.js';
import * as state from './url-state.js';

function save(name, href) {
  const link = document.createElement('a');
  link.download = name;
  link.href = href;
  link.click();
}

const fileName = (chart, end) => `${(chart.el.dataset.title ?? 'chart').replace(/[^\w.-]+/g, '-')}.${end}`;

const CURVE = /\/charts\/curve\/$/;
const isCurve = (chart) => CURVE.test(addressOf(chart).pathname);

// Texts of strangers are no markup, which Plotly would read in titles and names.
const plain = (text) => String(text ?? '').replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const MOST_NAMES = 30;
const LINE = 20; // px of the picture for a line of its legend

// A picture stands alone: it has the title, the names of the axes and of the lines.
async function picture(chart, format, size) {
  const style = getComputedStyle(document.documentElement);
  const token = (name) => style.getPropertyValue(name).trim();
  const { layout } = chart.el;
  const named = chart.figure.data.filter(({ name }) => name);
  const shown = named.length <= MOST_NAMES ? named.length : 0;
  const data = chart.figure.data.map((trace) => ({ ...trace, name: plain(trace.name), showlegend: Boolean(shown && trace.name) }));
  const words = { color: token('--text'), family: layout.font?.family };
  const across = layout.xaxis?.title?.text || (chart.axis === 'step' ? 'step' : '');
  const whole = {
    ...layout,
    paper_bgcolor: token('--surface'),
    title: { text: plain(isCurve(chart) ? chart.id : chart.el.dataset.title), x: 0.02, xanchor: 'left', font: { ...words, size: 18 } },
    xaxis: { ...layout.xaxis, automargin: true, title: { ...layout.xaxis?.title, text: across } },
    yaxis: { ...layout.yaxis, automargin: true, title: { text: layout.yaxis?.title?.text || plain(chart.el.dataset.unit ?? '') } },
    showlegend: shown > 0,
    legend: { orientation: 'h', yref: 'container', yanchor: 'bottom', y: 0, font: { ...words, size: 12 } },
    margin: { l: 64, r: 24, t: 56, b: 64 + LINE * Math.ceil(shown / 3) },
  };
  const url = await Plotly.toImage({ data, layout: whole }, { format, width: 1200, height: 700 + LINE * Math.ceil(shown / 3), ...size });
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
  for (const el of $$('.chart-card .chart')) {
    const chart = chartOf(el);
    if (!chart?.drawn) continue;
    legend(chart.card, legendOf(chart));
    Plotly.Plots.resize(el);
  }
});

const quoted = (value) => (/[",\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : (value ?? ''));

// What is drawn, as rows of series, x, y: for figures that show all there is.
export function rows({ data, layout }) {
  const isMoment = layout.xaxis?.type === 'date';
  const out = [['series', 'x', 'y']];
  for (const trace of data) {
    if (!trace.name || !trace.x) continue;
    trace.x.forEach((x, i) => out.push([trace.name, isMoment ? new Date(x).toISOString() : written(trace.x, i), written(trace.y, i)]));
  }
  return out;
}

// Curves are drawn from buckets; their file is every point that was logged.
function csv(chart) {
  if (isCurve(chart)) {
    const url = addressOf(chart);
    save(fileName(chart, 'csv'), url.pathname.replace(CURVE, '/charts/curve.csv') + url.search);
    return;
  }
  const text = rows(chart.body.figure).map((row) => row.map(quoted).join(',')).join('\r\n');
  const file = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
  save(fileName(chart, 'csv'), file);
  URL.revokeObjectURL(file);
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
