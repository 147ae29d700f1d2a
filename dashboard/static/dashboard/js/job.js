// The submit page while one types: the request, the changes, the preview and the address follow the fields.
import { $, $$, data } from './dom.js';
import { changes, options, payload, values } from './job-fields.js';
import { curl, python } from './job-request.js';
import { startPreview } from './job-preview.js';
import * as state from './url-state.js';

const form = $('[data-job-form]');
const meta = data('job-meta');
const languages = $('[data-languages]');
// What the address says of the view alone: which way the request is written, and which preview is drawn.
const VIEW = ['language', 'preview'];
let language = $('[aria-pressed="true"]', languages).value;

const shown = (field, text) => (field.dataset.kind === 'boolean' ? (text === 'true' ? 'on' : 'off') : text || 'nothing');

function element(tag, className, text) {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

function showChanges() {
  const box = $('[data-changes]');
  const found = changes(form);
  $('[data-change-count]').textContent = found.length;
  for (const field of $$('[data-field]', form)) {
    const change = found.find((one) => one.field === field);
    $('[data-was]', field).textContent = change ? `was ${shown(field, change.base)}` : '';
  }
  if (!found.length) {
    box.replaceChildren(element('span', 'muted', 'None: this repeats where the form started.'));
    return;
  }
  box.replaceChildren(
    ...found.map(({ field, path, base, value }) => {
      const row = element('div', 'bar change', '');
      row.append(element('code', '', path), element('span', 'muted', `${shown(field, base)} →`), element('b', 'num', shown(field, value)));
      return row;
    }),
  );
}

function showRequest() {
  const body = payload(form, meta);
  const count = body.seeds.length;
  $('[data-request]').textContent = language === 'curl' ? curl(body, meta.key) : python(body, meta.key);
  $('[data-submit]').textContent = count === 1 ? 'Queue 1 run' : `Queue ${count} runs`;
}

// The project is always in the address: which one a form starts with depends on who opens it, and when.
const entered = () => options(form, meta).filter(({ name, base, value }) => name === 'project' || value !== base);

// What was changed joins the address, so that the view can be shared.
function address() {
  const url = new URL(location.href);
  for (const name of [...url.searchParams.keys()]) if ((name.startsWith('spec.') && name in values(form)) || name in meta.options) url.searchParams.delete(name);
  for (const { name, value } of [...changes(form), ...entered()]) url.searchParams.set(name, value);
  history.replaceState(history.state, '', url);
}

// What was entered joins the links that change the form, so that it is kept; but for the fields that data-carry names,
// which mean something else there. The options go along even where unchanged: a copied run's are no longer known there.
function carry() {
  for (const link of $$('a[data-carry]')) {
    const there = new URL((link.dataset.plain ??= link.href));
    const other = link.dataset.carry;
    for (const { name, value } of [...changes(form), ...options(form, meta)]) {
      if (!there.searchParams.has(name) && !(other && name.startsWith(other))) there.searchParams.set(name, value);
    }
    link.href = seenAlike(there);
  }
}

// An address that shows the request and the preview as they are shown now.
const seenAlike = (href) => state.carried(href, VIEW);

function follow() {
  showChanges();
  showRequest();
  address();
  carry();
}

let drawn = 0;
form.addEventListener('input', () => {
  cancelAnimationFrame(drawn);
  drawn = requestAnimationFrame(follow);
});
languages.hidden = false;
$('[data-python]').remove();
languages.addEventListener('pick', (event) => {
  language = event.detail;
  state.set('language', language === 'curl' ? '' : language);
  showRequest();
});
addEventListener('addresschange', carry);
$('#preset-form').addEventListener('formdata', ({ formData }) => {
  for (const { name, value } of options(form, meta)) formData.set(name, value);
  for (const name of VIEW) if (state.get(name)) formData.set(name, state.get(name));
});
form.addEventListener('submit', () => {
  $('[data-submit]').disabled = true;
  form.setAttribute('action', seenAlike(form.getAttribute('action')));
});
addEventListener('pageshow', () => {
  $('[data-submit]').disabled = false;
  follow();
});
($('[aria-invalid="true"], [data-invalid]', form) ?? $('#form-error'))?.focus();
startPreview(form);
