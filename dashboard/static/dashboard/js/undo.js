// Undo and redo of the page's view, which are steps of the browser's history: Ctrl+Z, Ctrl+Shift+Z and
// <button data-undo-act="undo | redo">. Never farther back than where the page was opened.
import { $$, typing } from './dom.js';
import * as state from './url-state.js';

const can = { undo: () => state.depth() > 0, redo: () => state.depth() < state.deepest() };

function act(name) {
  if (can[name]()) history.go(name === 'undo' ? -1 : 1);
}

function show() {
  for (const button of $$('[data-undo-act]')) button.disabled = !can[button.dataset.undoAct]();
}

addEventListener('keydown', (event) => {
  const key = event.key.toLowerCase();
  if (!(event.ctrlKey || event.metaKey) || event.altKey || typing(event) || (key !== 'z' && key !== 'y')) return;
  event.preventDefault();
  act(key === 'y' || event.shiftKey ? 'redo' : 'undo');
});
document.addEventListener('click', ({ target }) => {
  const button = target.closest('[data-undo-act]');
  if (button) act(button.dataset.undoAct);
});
for (const event of ['addresschange', 'popstate', 'hashchange']) addEventListener(event, show);
show();
