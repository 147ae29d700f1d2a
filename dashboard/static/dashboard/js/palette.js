// Command palette: the server searches projects and runs; arrow keys move, Enter opens.
import { $, $$ } from './dom.js';
import { share } from './share.js';
import { toggleTheme } from './theme.js';

const dialog = $('#palette');
const input = dialog && $('input', dialog);
const list = dialog && $('ul', dialog);
let at = 0;
let wanted = null;

const options = () => $$('[role="option"]', list);

function paint() {
  const all = options();
  at = Math.max(0, Math.min(at, all.length - 1));
  all.forEach((option, i) => option.setAttribute('aria-selected', String(i === at)));
  all[at]?.scrollIntoView({ block: 'nearest' });
  input.setAttribute('aria-activedescendant', all[at]?.id ?? '');
}

async function search() {
  wanted?.abort();
  wanted = new AbortController();
  try {
    const url = `${dialog.dataset.src}?q=${encodeURIComponent(input.value)}`;
    const answer = await fetch(url, { signal: wanted.signal });
    if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
    list.innerHTML = await answer.text();
    at = 0;
    paint();
  } catch (error) {
    if (error.name !== 'AbortError') list.textContent = `Search did not answer. ${error.message}`;
  }
}

function choose(option) {
  if (!option) return;
  dialog.close();
  if (option.dataset.href) location.href = option.dataset.href;
  if (option.dataset.do === 'theme') toggleTheme();
  if (option.dataset.do === 'share') share();
}

export function openPalette() {
  input.value = '';
  dialog.showModal();
  search();
}

if (dialog) {
  input.addEventListener('input', search);
  dialog.addEventListener('keydown', (event) => {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move) {
      at += move;
      paint();
      event.preventDefault();
    }
    if (event.key === 'Enter') {
      event.preventDefault();
      choose(options()[at]);
    }
  });
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
    choose(event.target.closest('[role="option"]'));
  });
}
