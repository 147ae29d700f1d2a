// Columns of the run table: their widths, those that stay at the left, and dragging them to another place.
// Order, pins and directions are fields of the filter's form; widths are in the address alone: w=COLUMN:PIXELS,...
import { $, $$ } from './dom.js';
import * as state from './url-state.js';

const LEAST = 44;
const MOST = 900;
const STEP = 12;
const sheet = new CSSStyleSheet();
document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];

const heads = () => $$('#run-table thead th[data-column]');
const place = (head) => head.cellIndex + 1;

// Widths by column, from the address.
export function widths() {
  const found = new Map();
  for (const part of state.list('w')) {
    const at = part.lastIndexOf(':');
    const px = Number(part.slice(at + 1));
    if (at > 0 && px >= LEAST && px <= MOST) found.set(decodeURIComponent(part.slice(0, at)), Math.round(px));
  }
  return found;
}

function keep(of) {
  state.set('w', [...of].map(([column, px]) => `${state.inList(column)}:${px}`).join(','));
  layout();
}

// One rule for a column: cells stay as the server made them.
function layout() {
  const of = widths();
  const rules = [];
  for (const head of heads()) {
    const px = of.get(head.dataset.column);
    if (px) rules.push(`#run-table tr > :nth-child(${place(head)}):not([colspan]) { width: ${px}px; min-width: ${px}px; max-width: ${px}px; overflow: hidden; text-overflow: ellipsis; }`);
  }
  sheet.replaceSync(rules.join('\n'));
  // Where pinned columns stand depends on how wide those before them came out. On a phone they would leave no room.
  if (matchMedia('(min-width: 760px)').matches) {
    let left = $('#run-table thead th.pin')?.offsetWidth ?? 0;
    for (const head of heads().filter((one) => 'pinned' in one.dataset)) {
      const cells = `#run-table tr > :nth-child(${place(head)}):not([colspan])`;
      rules.push(`${cells} { position: sticky; left: ${left}px; z-index: 1; }`, `#run-table .baseline tr > :nth-child(${place(head)}) { z-index: 2; }`, `#run-table thead tr > :nth-child(${place(head)}) { z-index: 3; }`, `#run-table tbody:not(.baseline) tr:not(.group, :hover, [aria-selected="true"]) > :nth-child(${place(head)}) { background: var(--surface); }`);
      left += head.offsetWidth;
    }
    sheet.replaceSync(rules.join('\n'));
  }
}

function resize(head, px) {
  const of = widths();
  of.set(head.dataset.column, Math.round(Math.max(LEAST, Math.min(MOST, px))));
  keep(of);
  tellWidth(head);
}

function reset(head) {
  const of = widths();
  of.delete(head.dataset.column);
  keep(of);
  tellWidth(head);
}

const tellWidth = (head) => $('.width', head)?.setAttribute('aria-valuenow', String(head.offsetWidth));

function addHandles() {
  for (const head of heads()) {
    head.draggable = true;
    if ($('.width', head)) continue;
    const handle = document.createElement('button');
    handle.type = 'button';
    handle.className = 'width';
    handle.title = 'Drag, or use the arrow keys; twice: as wide as it needs';
    for (const [name, value] of Object.entries({ role: 'separator', 'aria-orientation': 'vertical', 'aria-label': `Width of ${head.dataset.column}`, 'aria-valuemin': LEAST, 'aria-valuemax': MOST })) handle.setAttribute(name, value);
    head.append(handle);
    tellWidth(head);
  }
}

let pulled = null;
document.addEventListener('pointerdown', (event) => {
  const handle = event.target.closest('#run-table .width');
  if (!handle) return;
  event.preventDefault(); // or the head is dragged
  handle.focus();
  handle.setPointerCapture(event.pointerId);
  const head = handle.closest('th');
  pulled = { head, from: event.clientX, px: head.offsetWidth };
});
document.addEventListener('pointermove', (event) => pulled && resize(pulled.head, pulled.px + event.clientX - pulled.from));
for (const end of ['pointerup', 'pointercancel']) document.addEventListener(end, () => (pulled = null));
document.addEventListener('dblclick', (event) => {
  const handle = event.target.closest('#run-table .width');
  if (handle) reset(handle.closest('th'));
});

// Another order goes through the form, which holds it.
function moveColumn(column, before) {
  const list = $('#arranged .arranged');
  const rows = $$('li[data-column]', list);
  const row = rows.find((one) => one.dataset.column === column);
  if (!row || column === before) return;
  list.insertBefore(row, rows.find((one) => one.dataset.column === before) ?? null);
  htmx.trigger('#filter', 'submit');
}

function step(column, by) {
  const columns = $$('#arranged li[data-column]').map((row) => row.dataset.column);
  const at = columns.indexOf(column);
  if (at < 0 || at + by < 0 || at + by >= columns.length) return;
  moveColumn(column, columns[by < 0 ? at - 1 : at + 2]);
}

document.addEventListener('keydown', (event) => {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const head = event.target.closest?.('#run-table thead th[data-column]');
  if (!by || !head) return;
  if (event.target.matches('.width')) resize(head, head.offsetWidth + by * STEP);
  else if (event.altKey) step(head.dataset.column, by);
  else return;
  event.preventDefault();
});

let dragged = null;
const carrier = (target) => target.closest?.('#run-table thead th[data-column], #arranged li[data-column]');
const unmark = () => $$('.under, .dragged').forEach((one) => one.classList.remove('under', 'dragged'));
document.addEventListener('dragstart', (event) => {
  const from = carrier(event.target);
  if (!from) return;
  dragged = from.dataset.column;
  from.classList.add('dragged');
  event.dataTransfer.effectAllowed = 'move';
  event.dataTransfer.setData('text/plain', dragged);
});
document.addEventListener('dragover', (event) => {
  const over = dragged && carrier(event.target);
  if (!over) return;
  event.preventDefault();
  $$('.under').forEach((one) => one.classList.remove('under'));
  over.classList.add('under');
});
document.addEventListener('drop', (event) => {
  const over = dragged && carrier(event.target);
  if (!over) return;
  event.preventDefault();
  moveColumn(dragged, over.dataset.column);
});
document.addEventListener('dragend', () => {
  dragged = null;
  unmark();
});

function begin() {
  addHandles();
  layout();
}
for (const event of ['htmx:afterSettle', 'refreshed']) document.addEventListener(event, begin);
addEventListener('resize', layout);
begin();
