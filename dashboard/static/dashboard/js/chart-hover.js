// Where the reader points in one chart, the others of the page that are in sight tell of the same place.
import { placeOf } from './line-geometry.js';

let asked = 0;

const others = (charts, chart) =>
  [...charts.values()].filter((one) => one !== chart && one.near && one.drawn && !one.layer && one.zooms && one.axis === chart.axis);

function everywhere(charts, chart, act) {
  cancelAnimationFrame(asked);
  asked = requestAnimationFrame(() => others(charts, chart).forEach(act));
}

// Where only the nearest line tells, the line of the same run; else every line at that place.
function tell({ el }, { x, data: { meta } }) {
  if (el.layout.hovermode !== 'closest') return Plotly.Fx.hover(el, { xval: el._fullLayout.xaxis.d2c(x) }, ['xy']);
  const curveNumber = el.data.findIndex((trace) => trace.meta === meta && trace.name);
  if (curveNumber < 0) return Plotly.Fx.unhover(el);
  const column = el.data[curveNumber].x;
  return Plotly.Fx.hover(el, [{ curveNumber, pointNumber: Math.min(placeOf(column, el._fullLayout.xaxis.d2c(x)), column.length - 1) }]);
}

// Events of our own making have no pointer: they are not answered.
export function sync(charts, chart) {
  if (!chart.zooms) return;
  chart.el.on('plotly_hover', ({ event, points }) => {
    if (event instanceof Event && points?.length) everywhere(charts, chart, (one) => tell(one, points[0]));
  });
  chart.el.on('plotly_unhover', ({ event } = {}) => {
    if (event instanceof Event) everywhere(charts, chart, (one) => Plotly.Fx.unhover(one.el));
  });
}
