// The playground: support points by hand, and functions after 0, 1, 2, 5 and 10 inner steps from several initialisations.
import { $, $$, data } from './dom.js';
import { adapted, answer, meanSquared } from './inner-steps.js';
import { plotIn, shown } from './playground-plot.js';
import { episodeOf } from './playground-points.js';
import { get, set } from './url-state.js';

const STEPS = [0, 1, 2, 5, 10];
const GRID_POINTS = 121;
const EVERY = 6; // of the grid: rows of a table
const ADDRESS_MS = 300;

const { starts, sines } = data('playground-data');
const episode = episodeOf(sines);
const grid = Array.from({ length: GRID_POINTS }, (_, i) => episode.reach * ((2 * i) / (GRID_POINTS - 1) - 1));
let waiting = 0;

const error = (value) => (Number.isFinite(value) ? value.toPrecision(3) : 'not finite');

// What an initialisation answers after each of STEPS, on the grid and on the support points.
function fitsOf(start) {
  const networks = adapted(start, episode.points, STEPS.at(-1));
  const sine = grid.map((x) => episode.sine(x));
  return STEPS.map((step) => {
    const answers = grid.map((x) => answer(networks[step], x));
    const onPoints = episode.points.map(([x]) => answer(networks[step], x));
    return { step, answers, toSine: meanSquared(answers, sine), onPoints: meanSquared(onPoints, episode.points.map(([, y]) => y)) };
  });
}

function cell(text, tag = 'td') {
  const made = document.createElement(tag);
  made.className = 'n';
  made.textContent = text;
  if (tag === 'th') made.scope = 'row';
  return made;
}

// The numbers behind a plot, while they are looked at.
function tellNumbers(card, fits) {
  if (!$('details', card).open) return;
  const rows = grid.flatMap((x, i) => {
    if (i % EVERY) return [];
    const row = document.createElement('tr');
    row.append(cell(shown(x), 'th'), ...fits.map(({ answers }) => cell(shown(answers[i]))), cell(shown(episode.sine(x))));
    return [row];
  });
  $('[data-numbers]', card).replaceChildren(...rows);
}

function tellErrors(place, card, fits) {
  const [before, first, last] = [fits[0], fits[1], fits.at(-1)].map(({ toSine }) => error(toSine));
  $('[data-errors]', card).textContent = `MSE ${before} → ${first} → ${last}`;
  $('[data-errors]', card).title = 'to the sine, after 0, 1 and 10 inner steps';
  $$(`[data-error-row="${place}"] td`).forEach((td, i) => {
    const small = document.createElement('small');
    small.textContent = episode.points.length ? ` ${error(fits[i].onPoints)}` : '';
    td.replaceChildren(error(fits[i].toSine), small);
  });
}

const changing =
  (name) =>
  (...values) => {
    episode[name](...values);
    update();
  };
const change = { add: changing('add'), move: changing('move'), remove: changing('remove') };

const plots = $$('[data-start]').map((card, place) => {
  const plot = $('[data-plot]', card);
  plot.id = `plot-${place}`;
  return plotIn(plot, { title: starts[place].title, limits: { x: episode.reach, y: episode.top }, takesFocus: place === 0, change });
});

function pointRow(place) {
  const row = document.createElement('tr');
  const name = cell(place + 1, 'th');
  const fields = ['x', 'y'].map((axis, i) => {
    const input = document.createElement('input');
    Object.assign(input, { type: 'number', step: 'any', className: 'input sm num', ariaLabel: `${axis} of point ${place + 1}`, required: true });
    const most = i ? episode.top : episode.reach;
    Object.assign(input, { min: -most, max: most });
    input.addEventListener('change', () => {
      if (!input.reportValidity()) return;
      const point = [...episode.points[place]];
      point[i] = input.valueAsNumber;
      change.move(place, ...point);
    });
    const td = document.createElement('td');
    td.append(input);
    return td;
  });
  const away = document.createElement('button');
  Object.assign(away, { type: 'button', className: 'btn ghost sm', textContent: 'Remove', ariaLabel: `Remove point ${place + 1}` });
  away.addEventListener('click', () => {
    change.remove(place);
    ($$('[data-points] button')[place] ?? $('[data-add] input')).focus();
  });
  const last = document.createElement('td');
  last.append(away);
  row.append(name, ...fields, last);
  return row;
}

function tellPoints() {
  const table = $('[data-points]');
  if (table.rows.length !== episode.points.length) table.replaceChildren(...episode.points.map((_, place) => pointRow(place)));
  episode.points.forEach((point, place) => {
    $$('input', table.rows[place]).forEach((input, i) => {
      if (input.valueAsNumber !== point[i]) input.value = point[i];
    });
  });
  const count = episode.points.length;
  const said = count ? `${count} support point${count === 1 ? '' : 's'}` : 'No support point yet: nothing is adapted';
  if ($('[data-point-count]').textContent !== said) $('[data-point-count]').textContent = said;
}

function tellSine() {
  $('#amplitude').value = episode.amplitude;
  $('#phase').value = episode.phase;
  $('[data-amplitude]').textContent = episode.amplitude.toFixed(2);
  $('[data-phase]').textContent = episode.phase.toFixed(2);
}

function update() {
  performance.mark('playground-asked');
  const sine = grid.map((x) => episode.sine(x));
  $$('[data-start]').forEach((card, place) => {
    const fits = fitsOf(starts[place]);
    plots[place].draw({ grid, sine, curves: fits.map(({ step, answers }) => [step, answers]), points: episode.points });
    tellNumbers(card, fits);
    tellErrors(place, card, fits);
  });
  tellPoints();
  tellSine();
  performance.measure('playground', 'playground-asked');
  clearTimeout(waiting);
  waiting = setTimeout(() => set('episode', episode.told()), ADDRESS_MS);
}

Object.assign($('#amplitude'), { min: episode.lowest, max: episode.highest });
Object.assign($('#phase'), { min: 0, max: episode.latest });
for (const name of ['amplitude', 'phase']) {
  $(`#${name}`).addEventListener('input', (event) => {
    changing('turn')({ [name]: event.target.valueAsNumber });
  });
}
$$('[data-draw]').forEach((button) => {
  button.addEventListener('click', () => changing('draw')(Number(button.dataset.draw)));
});
$$('[data-start] details').forEach((details) => details.addEventListener('toggle', () => details.open && update()));
$('[data-clear]').addEventListener('click', () => changing('clear')());
const added = $('[data-add]');
Object.assign(added.elements.x, { min: -episode.reach, max: episode.reach });
Object.assign(added.elements.y, { min: -episode.top, max: episode.top });
added.addEventListener('submit', (event) => {
  event.preventDefault();
  const { x, y } = added.elements;
  change.add(x.valueAsNumber, y.value ? y.valueAsNumber : undefined);
  added.reset();
  x.focus();
});

if (!episode.read(get('episode', ''))) episode.draw(Math.min(10, Math.max(5, sines.shot)));
update();
