// The URL is the state: controls read and write query parameters without a reload,
// and "addresschange" tells of it.
export const get = (key, fallback = null) => new URLSearchParams(location.search).get(key) ?? fallback;

// Pages that follow the browser's Back have data-undo: there a change is a step of its history. What follows from a
// change at once, and what is typed letter by letter, is one step with it.
const AT_ONCE_MS = 300;
const TYPING_MS = 1500;
let last = { key: null, at: -Infinity };
const steps = { at: history.state?.depth ?? 0, deepest: history.state?.depth ?? 0 };
if (history.state?.depth === undefined) history.replaceState({ ...history.state, depth: 0 }, '');

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
  go(key, url);
}

// To another address of the same page, by a change of `key`.
export function go(key, url) {
  if (isStep(key)) {
    steps.at = steps.deepest = depth() + 1;
    history.pushState({ depth: steps.at }, '', url);
  } else history.replaceState(history.state, '', url);
  dispatchEvent(new Event('addresschange'));
}

// How many steps the view is from where the page was opened, and how many there are to it.
export const depth = () => history.state?.depth ?? 0;
export const deepest = () => steps.deepest;

// A link to a section is a step, too: it comes without a depth of its own.
addEventListener('popstate', () => {
  if (history.state?.depth === undefined) {
    steps.deepest = steps.at + 1;
    history.replaceState({ ...history.state, depth: steps.deepest }, '');
  }
  steps.at = depth();
});

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
