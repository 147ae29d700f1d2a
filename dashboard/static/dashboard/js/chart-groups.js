// Groups of charts that are folded otherwise than the page begins with are in the address.
import * as state from './url-state.js';

document.addEventListener('click', (event) => {
  const group = event.target.closest('summary')?.parentElement.dataset.group;
  if (group === undefined) return;
  const names = new Set(state.list('folds'));
  if (!names.delete(state.inList(group))) names.add(state.inList(group));
  state.set('folds', [...names].join(','));
});
