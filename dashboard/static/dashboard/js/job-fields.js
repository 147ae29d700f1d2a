// Reads the submit form: the JSON that the API takes, and what differs from where the form started.
import { $$ } from './dom.js';

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$/;

// A number as the server reads it; other text stays text, for the server to name.
export function number(text) {
  const value = Number(text);
  return NUMBER.test(text) && Number.isFinite(value) ? value : text;
}

// The object that JSON text spells; other text stays text, for the server to name.
function map(text) {
  try {
    const value = JSON.parse(text || '{}');
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : text;
  } catch {
    return text;
  }
}

export function parsed(kind, items, text) {
  if (kind === 'list') return text === '' ? [] : text.split(',').map((part) => parsed(items, '', part.trim()));
  if (kind === 'boolean') return text === 'true';
  if (kind === 'map') return map(text);
  return kind === 'integer' || kind === 'number' ? number(text) : text;
}

// "0-4, 7" as numbers. What cannot be read is left for the server to name.
export function seeds(text) {
  const found = [];
  for (const part of text.split(/[,;]|\s+(?=\d)/).map((one) => one.trim()).filter(Boolean)) {
    const [, first, last] = /^(\d{1,10})(?:\s*(?:-|–|\.\.)\s*(\d{1,10}))?$/.exec(part) ?? [];
    if (first === undefined) return [];
    const end = Number(last ?? first);
    for (let seed = Number(first); seed <= end && found.length <= 100; seed++) found.push(seed);
  }
  return found;
}

// The text of every field by name; of a check box and its hidden twin, the later wins.
export const values = (form) => Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim()]));

function put(spec, name, value) {
  const folders = name.split('.').slice(1);
  const leaf = folders.pop();
  let place = spec;
  for (const folder of folders) place = place[folder] ??= {};
  place[leaf] = value;
}

export function payload(form, meta) {
  const all = values(form);
  const spec = { algorithm: meta.algorithm };
  for (const [name, value] of Object.entries(meta.fixed)) put(spec, name, value);
  for (const field of $$('[data-field]', form)) {
    const { field: name, kind, items } = field.dataset;
    put(spec, name, parsed(kind, items, all[name] ?? ''));
  }
  const tags = (all.tags ?? '').split(',').map((tag) => tag.trim()).filter(Boolean);
  const body = { project: all.project, spec, seeds: seeds(all.seeds), queue: all.queue, priority: Number(all.priority) };
  if (all.name) body.name = all.name;
  if (tags.length) body.tags = tags;
  if (all.notes) body.notes = all.notes;
  return body;
}

// What is entered beside the spec (name, seeds, queue ...), by name.
export function options(form, meta) {
  const all = values(form);
  return Object.keys(meta.options).map((name) => ({ name, base: meta.options[name], value: all[name] ?? '' }));
}

export function changes(form) {
  const all = values(form);
  return $$('[data-field]', form)
    .map((field) => ({ field, name: field.dataset.field, path: field.dataset.field.replace(/^spec\./, ''), base: field.dataset.base, value: all[field.dataset.field] ?? '' }))
    .filter((one) => one.base !== one.value);
}
