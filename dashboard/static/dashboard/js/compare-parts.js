// Links and forms with data-parts change some sections and leave the rest, zoom and scroll included, alone. Without
// scripts they load the page. data-set="name=value" says what changes; the rest of the address stays as it is.
import { scan } from './charts.js';
import { $, $$ } from './dom.js';
import { toast } from './toast.js';
import * as state from './url-state.js';

const EVERYTHING = [
  'lineup', 'tabs', 'verdict', 'curves', 'relations', 'adaptation', 'episodes', 'params', 'why', 'code', 'console', 'media',
  'environment', 'metrics',
];
// What is a difference to the baseline; curves are not.
const RELATIVE = ['lineup', 'verdict', 'params', 'code', 'console', 'media', 'environment', 'metrics'];
const page = $('[data-compare-page]');
const SEARCH = '[data-part] input[type="search"]';
let asked = 0;
let typed = null;
let loaded = location.search;

// The episodes are those of the verdict, against the same baseline.
const together = (names) => (names.includes('verdict') ? [...new Set([...names, 'episodes'])] : names);

// Lists with data-keep stay scrolled as they were, and what was folded in them stays folded.
function keptOf(now, part) {
  return $$('[data-keep]', part).flatMap((next) => {
    const old = $(`[data-keep="${CSS.escape(next.dataset.keep)}"]`, now);
    if (!old) return [];
    for (const fold of $$('details:not([open])[data-fold]', old)) {
      $(`[data-fold="${CSS.escape(fold.dataset.fold)}"]`, next)?.removeAttribute('open');
    }
    return [[next, old.scrollTop]];
  });
}

function replace(fresh, names) {
  typed = typedIn(document.activeElement) ?? typed;
  for (const name of names) {
    const now = document.getElementById(name);
    const next = fresh.getElementById(name);
    if (!now || !next) continue;
    const part = document.importNode(next, true);
    const scrolled = keptOf(now, part);
    now.replaceWith(part);
    for (const [element, top] of scrolled) element.scrollTop = top;
    window.htmx?.process(part);
  }
  const counts = $$('#tabs .count', fresh);
  if (counts.length) $$('#tabs .count').forEach((count, i) => (count.textContent = counts[i].textContent));
  const sub = $('.page-head .sub', fresh);
  if (sub) $('.page-head .sub').replaceWith(document.importNode(sub, true));
  scan();
  page.dispatchEvent(new CustomEvent('parts', { detail: names, bubbles: true }));
}

// Keeps the focus where the reader left it: on the control of the same name in the new section.
function sameControl(element) {
  if (!element?.closest('[data-part]')) return null;
  const { id } = element.closest('[data-part]');
  const { set, sameControl: same } = element.dataset;
  if (same) return `#${id} [data-same-control="${CSS.escape(same)}"]`;
  if (set) return `#${id} [data-set="${CSS.escape(set)}"]`;
  return element.name ? `#${id} [name="${CSS.escape(element.name)}"]:not([type="hidden"])` : null;
}

async function documentAt(url) {
  const answer = await fetch(url, { headers: { Accept: 'text/html' } });
  if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
  return new DOMParser().parseFromString(await answer.text(), 'text/html');
}

// Of a section that comes a part at a time the reader keeps as many lines as there are.
function shownLines(part) {
  const count = $$('[data-line]', part).length;
  return count ? `&lines=${count}` : '';
}

// Sections with data-src have an address of their own; those not seen yet only learn which it is now.
async function loadParts(url, names, isLatest) {
  const own = names.filter((name) => document.getElementById(name)?.dataset.src);
  const others = names.filter((name) => !own.includes(name));
  if (others.length) {
    const fresh = await documentAt(url);
    if (isLatest()) replace(fresh, others);
  }
  for (const name of own) {
    const part = document.getElementById(name);
    const there = part.dataset.src + new URL(url, location.href).search + shownLines(part);
    if (part.hasAttribute('hx-get')) {
      part.setAttribute('hx-get', there);
      window.htmx?.process(part);
      continue;
    }
    const fresh = await documentAt(there);
    if (isLatest()) replace(fresh, [name]);
  }
}

// What stands in a search by now, which the server was not told of yet.
function typedIn(field) {
  if (!field?.matches(SEARCH)) return null;
  const { value, selectionStart, selectionEnd } = field;
  return { value, selectionStart, selectionEnd };
}

async function load(url, names) {
  const turn = (asked += 1);
  loaded = location.search;
  const focused = sameControl(document.activeElement);
  try {
    await loadParts(url, together(names), () => turn === asked);
    if (turn !== asked) return;
    const live = page.closest('[data-live-src]');
    if (live) live.dataset.liveSrc = url;
    if (focused) $(focused)?.focus({ preventScroll: true });
    if (typed && document.activeElement.matches(SEARCH)) Object.assign(document.activeElement, typed);
    typed = null;
  } catch (error) {
    toast(`${error.message} What you see is from before.`);
  }
}

// A control that is moved again and again is one step of the history.
export function move(name, value, names) {
  state.set(name, value);
  load(location.href, names);
}

function navigate(changes, names) {
  const url = new URL(location.href);
  for (const [name, value] of changes) {
    if (value === '') url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  if (url.href === location.href) return;
  state.go(changes.map(([name]) => name).join(), url);
  load(url.href, names);
}

page.addEventListener('click', (event) => {
  const link = event.target.closest('a[data-set]');
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
  event.preventDefault();
  const at = link.dataset.set.indexOf('=');
  const change = [link.dataset.set.slice(0, at), link.dataset.set.slice(at + 1)];
  navigate([change], link.dataset.parts?.split(' ') ?? RELATIVE);
});

// What a box says in the address: its value, or nothing; data-on and data-off say otherwise.
const ticked = ({ checked, value, dataset }) => (checked ? (dataset.on ?? value) : (dataset.off ?? ''));

page.addEventListener('submit', (event) => {
  const form = event.target.closest('form[data-parts]');
  if (!form) return;
  event.preventDefault();
  const own = $$('input:not([type="hidden"]), input[data-own], select', form);
  const changes = own.map((field) => [field.name, field.type === 'checkbox' ? ticked(field) : field.value]);
  navigate(changes, form.dataset.parts.split(' '));
});

// Back and forward; a link to a section alone changes nothing but the place.
addEventListener('addresschange', () => (loaded = location.search));
addEventListener('popstate', () => {
  if (location.search !== loaded) load(location.href, EVERYTHING);
});
