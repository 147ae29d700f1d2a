// A plot that takes points: a click adds one, a drag moves it, a click on it removes it; in the plot whose points take
// the focus, arrow keys and Delete do the same.
const NS = 'http://www.w3.org/2000/svg';
const MARGIN = { left: 34, right: 10, top: 8, bottom: 24 };
const REACH = 14; // pixels around a point that are its own: a finger's
const DRAGGED = 4; // pixels from which a press is a drag
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const STEP = 0.1;
const LONG_STEP = 0.5;

function node(name, attributes, text = '') {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

// About `count` round numbers from -most to most.
function ticks(most, count) {
  const rough = (2 * most) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const each = [1, 2, 2.5, 5, 10].find((one) => one * power >= rough) * power;
  const last = Math.floor(most / each);
  return Array.from({ length: 2 * last + 1 }, (_, i) => (i - last) * each);
}

export const shown = (value) => String(Number(value.toFixed(3))).replace('-', '−');

class Plot {
  // `limits` are the largest |x| and |y|; `change` has add(x, y), move(place, x, y) and remove(place), which draw.
  constructor(place, { title, limits, takesFocus, change }) {
    this.place = place;
    this.limits = limits;
    this.takesFocus = takesFocus;
    this.change = change;
    this.svg = node('svg', { role: 'group', 'aria-label': `Plot of ${title}: the function after each inner step, and ${takesFocus ? 'points that arrow keys move' : 'the support points'}` });
    place.append(this.svg);
    this.svg.addEventListener('keydown', (event) => this.pressed(event));
    this.svg.addEventListener('pointerdown', (event) => this.grabbed(event));
    this.svg.addEventListener('pointermove', (event) => this.dragged(event));
    this.svg.addEventListener('pointerup', (event) => this.dropped(event));
    this.svg.addEventListener('pointercancel', () => {
      this.held = null;
    });
    new ResizeObserver(() => this.state && this.draw(this.state)).observe(place);
  }

  size() {
    return { width: Math.max(this.svg.clientWidth, 120), height: Math.max(this.svg.clientHeight, 120) };
  }

  scales() {
    const { width, height } = this.size();
    const inner = { width: width - MARGIN.left - MARGIN.right, height: height - MARGIN.top - MARGIN.bottom };
    const { x: reach, y: top } = this.limits;
    return {
      across: (x) => MARGIN.left + ((x + reach) / (2 * reach)) * inner.width,
      down: (y) => MARGIN.top + ((top - y) / (2 * top)) * inner.height,
      x: (pixels) => ((pixels - MARGIN.left) / inner.width) * 2 * reach - reach,
      y: (pixels) => top - ((pixels - MARGIN.top) / inner.height) * 2 * top,
    };
  }

  // Where a press is, in units of the axes.
  at(event) {
    const box = this.svg.getBoundingClientRect();
    const { x, y } = this.scales();
    return [x(event.clientX - box.left), y(event.clientY - box.top)];
  }

  // `state` has grid, sine, curves as [step, answers], and points as [x, y].
  draw(state) {
    this.state = state;
    const focused = this.svg.querySelector('.handle:focus')?.dataset.point;
    const { width, height } = this.size();
    this.svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
    const area = `${this.place.id}-area`;
    const clip = node('clipPath', { id: area });
    clip.append(node('rect', { x: MARGIN.left, y: 0, width: width - MARGIN.left - MARGIN.right, height: height - MARGIN.bottom }));
    const lines = node('g', { 'clip-path': `url(#${area})` });
    lines.append(this.line(state.grid, state.sine, 'sine'));
    for (const [step, answers] of state.curves) lines.append(this.line(state.grid, answers, `fit fit-${step}`));
    this.svg.replaceChildren(clip, ...this.axes(width, height), lines, ...state.points.map((point, i) => this.handle(point, i)));
    if (focused !== undefined) this.svg.querySelector(`[data-point="${focused}"]`)?.focus();
  }

  line(grid, answers, name) {
    const { across, down } = this.scales();
    const far = 20 * this.limits.y; // diverged: past what SVG draws
    const held = (y) => Math.min(far, Math.max(-far, y));
    const places = grid.map((x, i) => [x, answers[i]]).filter(([, y]) => Number.isFinite(y));
    const d = places.map(([x, y], i) => `${i ? 'L' : 'M'}${across(x).toFixed(1)} ${down(held(y)).toFixed(1)}`).join('');
    return node('path', { d, class: name });
  }

  axes(width, height) {
    const { across, down } = this.scales();
    const right = width - MARGIN.right;
    const rows = ticks(this.limits.y, 5).flatMap((y) => [
      node('line', { x1: MARGIN.left, x2: right, y1: down(y), y2: down(y), class: 'rule' }),
      node('text', { x: MARGIN.left - 6, y: down(y) + 4, 'text-anchor': 'end' }, shown(y)),
    ]);
    const columns = ticks(this.limits.x, 5).map((x) => node('text', { x: across(x), y: height - 8, 'text-anchor': 'middle' }, shown(x)));
    return [...rows, ...columns];
  }

  handle([x, y], place) {
    const { across, down } = this.scales();
    const focus = this.takesFocus ? { tabindex: 0, role: 'button', 'aria-label': `Point ${place + 1}: x ${shown(x)}, y ${shown(y)}` } : { 'aria-hidden': 'true' };
    const made = node('g', { class: 'handle', 'data-point': place, ...focus });
    const center = { cx: across(x).toFixed(1), cy: down(y).toFixed(1) };
    made.append(node('circle', { ...center, r: REACH, class: 'reach' }), node('circle', { ...center, r: 6, class: 'point' }));
    return made;
  }

  placeOf(event) {
    const found = event.target.closest?.('.handle');
    return found ? Number(found.dataset.point) : -1;
  }

  grabbed(event) {
    if (event.button || !event.isPrimary) return;
    const place = this.placeOf(event);
    this.held = { place, from: [event.clientX, event.clientY], moved: false };
    if (place >= 0) this.svg.setPointerCapture(event.pointerId);
  }

  dragged(event) {
    if (!this.held) return;
    const [x, y] = this.held.from;
    this.held.moved ||= Math.hypot(event.clientX - x, event.clientY - y) > DRAGGED;
    if (this.held.moved && this.held.place >= 0) this.change.move(this.held.place, ...this.at(event));
  }

  // A press without a move is meant for the point below it, or makes one. Scrolling by touch cancels it before.
  dropped(event) {
    if (!this.held) return;
    const { place, moved } = this.held;
    this.held = null;
    if (moved) return;
    const [x, y] = this.at(event);
    if (place >= 0) this.change.remove(place);
    else if (Math.abs(x) <= this.limits.x && Math.abs(y) <= this.limits.y) this.change.add(x, y);
  }

  pressed(event) {
    const place = this.placeOf(event);
    if (place < 0) return;
    const move = MOVES[event.key];
    if (move) {
      const [x, y] = this.state.points[place];
      const far = event.shiftKey ? LONG_STEP : STEP;
      this.change.move(place, x + move[0] * far, y + move[1] * far);
    } else if (event.key === 'Delete' || event.key === 'Backspace') this.change.remove(place);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

export const plotIn = (place, options) => new Plot(place, options);
