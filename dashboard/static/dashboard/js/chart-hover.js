// Where the reader points in one chart, the others of the page that are in sight tell of the same place.
let asked = 0;

const others = (charts, chart) =>
  [...charts.values()].filter((one) => one !== chart && one.near && one.drawn && !one.layer && one.zooms && one.axis === chart.axis);

function everywhere(charts, chart, act) {
  cancelAnimationFrame(asked);
  asked = requestAnimationFrame(() => others(charts, chart).forEach(act));
}

// Events of our own making have no pointer: they are not answered.
export function sync(charts, chart) {
  if (!chart.zooms) return;
  chart.el.on('plotly_hover', ({ event, xvals }) => {
    if (!(event instanceof Event) || !xvals?.length) return;
    everywhere(charts, chart, (one) => Plotly.Fx.hover(one.el, { xval: xvals[0] }, ['xy']));
  });
  chart.el.on('plotly_unhover', ({ event } = {}) => {
    if (event instanceof Event) everywhere(charts, chart, (one) => Plotly.Fx.unhover(one.el));
  });
}
