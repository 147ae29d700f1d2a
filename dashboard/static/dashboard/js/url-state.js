// The URL is the state: controls read and write query parameters without a reload,
// and "addresschange" tells of it.
export const get = (key, fallback = null) => new URLSearchParams(location.search).get(key) ?? fallback;

// Pages that follow the browser's Back have data-undo: there a change is a step of its history. What follows from a
// change at once, and what is typed letter by letter, is one step with it.
const AT_ONCE_MS = 300;
const TYPING_MS = 1500;
let last = { key: null, at: -Infinity };

function isStep(key) {
  const since = performance.now() - last.at;
  const isTyped = key === last.key;
  last = { key, at: performance.now() };
  return document.querySelector('[data-undo]') !== null && since > (isTyped ? TYPING_MS : AT_ONCE_MS);
}

export function set(key, value) {
  const url = new URL(location.href);
  if (value === '' || value == null) url.searchParams.delete(key);
  else url.searchParams.set(key, value);
  if (url.href === location.href) return;
  if (isStep(key)) history.pushState(null, '', url);
  else history.replaceState(history.state, '', url);
  dispatchEvent(new Event('addresschange'));
}

// Lists of names, such as charts: a comma parts them, so one in a name is escaped.
export const inList = (name) => name.replace(/[%,]/g, encodeURIComponent);
export const list = (key) => get(key, '').split(',').filter(Boolean);

// Another address with these parts of this one: with all that are here, in their order, and no others.
export function carried(href, names) {
  const there = new URL(href, location.href);
  for (const name of names) there.searchParams.delete(name);
  for (const name of names) if (get(name)) there.searchParams.set(name, get(name));
  return there;
}
