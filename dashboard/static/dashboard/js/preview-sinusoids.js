// Sinusoid episodes as SVG: the curve to find, and the support points given.
const NS = 'http://www.w3.org/2000/svg';
const WIDTH = 520;
const HEIGHT = 210;
const SHOWN = 4;
// The ranges the announced samples were drawn from; others are reached by stretching these.
const DEFAULTS = { low: 0.1, high: 5, phase: Math.PI, reach: 5 };

function node(name, attributes) {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

const path = (points) => points.map(([x, y], i) => `${i ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');

// An announced episode under the settings: equal quantiles of the new ranges.
function stretched(task, { low, high, phase, reach }) {
  const share = (task.amplitude - DEFAULTS.low) / (DEFAULTS.high - DEFAULTS.low);
  return {
    amplitude: low + share * (high - low),
    phase: (task.phase / DEFAULTS.phase) * phase,
    x: task.x.map((x) => (x / DEFAULTS.reach) * reach),
  };
}

// `count` of the announced inputs, spread over them and another choice at each turn.
function chosen(x, count, turn) {
  const some = Math.min(count, x.length);
  return Array.from({ length: some }, (_, i) => x[(Math.floor((i * x.length) / some) + turn * 7) % x.length]);
}

export function drawSinusoids(place, samples, number, turn) {
  const ranges = {
    low: number('amplitude_low', DEFAULTS.low),
    high: number('amplitude_high', DEFAULTS.high),
    phase: number('phase_high', DEFAULTS.phase),
    reach: Math.abs(number('x_range', DEFAULTS.reach)) || DEFAULTS.reach,
  };
  const top = Math.max(Math.abs(ranges.low), Math.abs(ranges.high), 1e-9) * 1.08;
  const across = (x) => 4 + ((x + ranges.reach) / (2 * ranges.reach)) * (WIDTH - 8);
  const down = (y) => HEIGHT / 2 - (y / top) * (HEIGHT / 2 - 6);
  const svg = node('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: 'sinusoids', role: 'img', 'aria-label': `${SHOWN} sampled sinusoids with their support points` });
  svg.append(node('line', { x1: 0, x2: WIDTH, y1: HEIGHT / 2, y2: HEIGHT / 2, class: 'zero' }));
  const shot = Math.max(1, Math.round(number('shot', 10)));
  for (let i = 0; i < SHOWN; i++) {
    const task = stretched(samples.tasks[(turn * SHOWN + i) % samples.tasks.length], ranges);
    const f = (x) => task.amplitude * Math.sin(x - task.phase);
    const grid = Array.from({ length: 121 }, (_, k) => -ranges.reach + (k / 120) * 2 * ranges.reach);
    svg.append(node('path', { d: path(grid.map((x) => [across(x), down(f(x))])), class: `curve c${i + 1}` }));
    for (const x of chosen(task.x, shot, turn)) svg.append(node('circle', { cx: across(x).toFixed(1), cy: down(f(x)).toFixed(1), r: 3.2, class: `c${i + 1}` }));
  }
  place.replaceChildren(svg);
  return {
    title: `${SHOWN} episodes, ${Math.min(shot, samples.tasks[0].x.length)} support points each`,
    note: `y = A sin(x − phase): A from ${ranges.low} to ${ranges.high}, phase from 0 to ${ranges.phase.toFixed(2)}, x from −${ranges.reach} to ${ranges.reach}. Dots are what the learner gets.`,
  };
}
