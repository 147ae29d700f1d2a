// Charts by keyboard, once one has the focus: arrows move the crosshair, + and - zoom about it, 0 shows everything,
// Enter enlarges.
import { crosshair, step } from './chart-hover.js';
import { all, chartOf } from './charts.js';
import { $ } from './dom.js';

const FINE = 1;
const COARSE = 10;

// In units of the axis as it is drawn: powers of ten on a logarithmic one.
function zoom(chart, by) {
  const { xaxis } = chart.el._fullLayout;
  const [first, last] = xaxis.range.map(xaxis.r2l);
  const middle = first + crosshair(chart) * (last - first);
  const range = [first, last].map((end) => xaxis.l2r(middle + (end - middle) * by));
  Plotly.relayout(chart.el, { 'xaxis.range': range });
}

const acts = {
  ArrowLeft: (chart, points) => step(all, chart, -points),
  ArrowRight: (chart, points) => step(all, chart, points),
  '+': (chart) => zoom(chart, 1 / 2),
  '=': (chart) => zoom(chart, 1 / 2),
  '-': (chart) => zoom(chart, 2),
  0: (chart) => Plotly.relayout(chart.el, { 'xaxis.autorange': true, 'yaxis.autorange': true }),
};

document.addEventListener('keydown', (event) => {
  const chart = chartOf(event.target);
  if (!chart?.drawn || event.ctrlKey || event.metaKey || event.altKey) return;
  const enlarge = event.key === 'Enter' && $('[data-chart-act="enlarge"]', chart.card);
  const act = chart.zooms && acts[event.key];
  if (!enlarge && !act) return;
  event.preventDefault();
  event.stopPropagation();
  if (enlarge) enlarge.click();
  else act(chart, event.shiftKey ? COARSE : FINE);
});
