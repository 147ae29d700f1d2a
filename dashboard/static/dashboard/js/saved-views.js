// What is saved is the address of this moment: filter, order and columns change it without a page load.
document.addEventListener('submit', (event) => {
  if (event.target.matches('[data-save-view]')) event.target.elements.query.value = location.search.slice(1);
});
