// Chips under the filter: a view of its text. The text is the truth; both edit the same expression.
import { $, data } from './dom.js';
import { bare, fieldName, inQuotes, parse, quoted, write } from './filter-text.js';

const input = $('#q');
const box = $('[data-chips]');
const ABOUT_NULL = ['IS NULL', 'IS NOT NULL'];
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
  const edit = element('button', '');
  edit.setAttribute('aria-label', `Change condition ${field} ${op} ${value}`);
  edit.append(element('b', field), ' ', element('em', WORDS[op] ?? op), ' ', element('span', value));
  edit.addEventListener('click', () => open(node, conditions, place));
  node.append(edit, remove);
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

// What a field is called in the text, as the builder lists it.
const listed = (written) => data('filter-fields').find((name) => fieldName(name) === written) ?? written;

// A condition as three controls; Enter or the button writes it into the text, Escape leaves it.
function builder(conditions, place) {
  const old = conditions[place];
  const row = element('span', '', 'bar');
  const fields = data('filter-fields');
  const field = select('Field', old && !fields.includes(listed(old.field)) ? [old.field, ...fields] : fields);
  const op = select('Comparison', ['=', '!=', '<', '<=', '>', '>=', '~', '!~', ...ABOUT_NULL]);
  const value = element('input', '', 'input sm auto');
  value.setAttribute('aria-label', 'Value');
  value.placeholder = 'value';
  if (old) {
    field.value = listed(old.field);
    op.value = old.op.replace(/\s+/g, ' ');
    if (ABOUT_NULL.includes(`${op.value} NULL`)) op.value += ' NULL';
    value.value = bare(old.value);
  }
  const isNull = () => ABOUT_NULL.includes(op.value);
  const show = () => (value.hidden = isNull());
  op.addEventListener('change', show);
  show();
  const add = element('button', old ? 'Change' : 'Add', 'btn sm');
  const done = () => {
    if (!isNull() && !value.value.trim()) return value.focus();
    const typed = value.value.trim();
    // What was compared as text still is: "0.1" is another question than 0.1.
    const written = old && bare(old.value) !== old.value ? inQuotes(typed) : quoted(typed);
    const [comparison, against] = isNull() ? [op.value.replace(/ NULL$/, ''), 'NULL'] : [op.value, written];
    const named = fields.includes(field.value) ? fieldName(field.value) : field.value;
    const made = { join: old?.join ?? 'AND', field: named, op: comparison, value: against };
    apply(old ? conditions.map((one, i) => (i === place ? made : one)) : [...conditions, made]);
    input.focus();
  };
  add.addEventListener('click', done);
  row.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') {
      paint();
      $('button', box)?.focus();
    }
    if (event.key !== 'Enter' || event.target === add) return;
    event.preventDefault();
    done();
  });
  for (const control of [field, op, value]) control.setAttribute('form', 'none');
  row.append(field, op, value, add);
  return row;
}

function open(node, conditions, place) {
  const row = builder(conditions, place);
  node.replaceWith(row);
  $('select', row).focus();
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
  more.addEventListener('click', () => open(more, conditions, conditions.length));
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
