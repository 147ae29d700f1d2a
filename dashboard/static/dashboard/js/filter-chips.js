// Chips under the filter: a view of its text. The text is the truth; both edit the same expression.
import { $, data } from './dom.js';
import { fieldName, parse, quoted, write } from './filter-text.js';

const input = $('#q');
const box = $('[data-chips]');
const WORDS = { '~': 'contains', '!~': 'lacks', '=': 'is', '!=': 'is not' };

function element(tag, text, className = '') {
  const node = document.createElement(tag);
  node.textContent = text;
  node.className = className;
  if (tag === 'button') node.type = 'button';
  return node;
}

function apply(conditions) {
  input.value = write(conditions);
  input.dispatchEvent(new Event('input', { bubbles: true }));
}

function chip(conditions, place) {
  const { field, op, value } = conditions[place];
  const node = element('span', '', 'chip');
  const remove = element('button', '×');
  remove.setAttribute('aria-label', `Remove condition ${field}`);
  remove.addEventListener('click', () => apply(conditions.filter((_, i) => i !== place)));
  node.append(element('b', field), element('em', WORDS[op] ?? op), element('span', value), remove);
  return node;
}

function joiner(conditions, place) {
  const button = element('button', conditions[place].join.toLowerCase(), 'btn ghost sm joiner');
  button.title = 'Switch and / or';
  button.addEventListener('click', () => {
    const join = conditions[place].join === 'AND' ? 'OR' : 'AND';
    apply(conditions.map((c, i) => (i === place ? { ...c, join } : c)));
  });
  return button;
}

function option(value) {
  const node = element('option', value);
  node.value = value;
  return node;
}

function select(label, values) {
  const node = element('select', '', 'select sm auto');
  node.setAttribute('aria-label', label);
  node.append(...values.map(option));
  return node;
}

// "+ Condition" opens three controls; Enter or Add writes them into the text.
function builder(conditions) {
  const row = element('span', '', 'bar');
  const field = select('Field', data('filter-fields'));
  const op = select('Comparison', ['=', '!=', '<', '<=', '>', '>=', '~', '!~']);
  const value = element('input', '', 'input sm auto');
  value.setAttribute('aria-label', 'Value');
  value.placeholder = 'value';
  const add = element('button', 'Add', 'btn sm');
  const done = () => {
    if (!value.value.trim()) return value.focus();
    apply([...conditions, { join: 'AND', field: fieldName(field.value), op: op.value, value: quoted(value.value.trim()) }]);
    input.focus();
  };
  add.addEventListener('click', done);
  value.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    done();
  });
  for (const control of [field, op, value]) control.setAttribute('form', 'none');
  row.append(field, op, value, add);
  return row;
}

function paint() {
  const conditions = parse(input.value);
  box.replaceChildren();
  if (conditions === null) {
    box.append(element('span', 'This filter is edited as text.', 'small muted'));
    return;
  }
  conditions.forEach((_, place) => {
    if (place) box.append(joiner(conditions, place));
    box.append(chip(conditions, place));
  });
  const more = element('button', '+ Condition', 'btn ghost sm');
  more.addEventListener('click', () => {
    const row = builder(conditions);
    more.replaceWith(row);
    $('select', row).focus();
  });
  box.append(more);
}

input.addEventListener('input', () => {
  input.removeAttribute('aria-invalid');
  $('#filter-error').textContent = '';
  paint();
});
document.addEventListener('htmx:afterSettle', (event) => {
  if (event.target.id === 'runs') $('#filter-error').removeAttribute('data-stale');
  if (event.target.id === 'filter-error' && event.target.textContent.trim()) input.setAttribute('aria-invalid', 'true');
});
paint();
