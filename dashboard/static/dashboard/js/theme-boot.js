// Sets the chosen theme before the first paint. A classic script in the head: modules run too late.
try {
  const chosen = localStorage.getItem('theme');
  if (chosen) document.documentElement.dataset.theme = chosen;
} catch {
  // Storage is blocked: the system's theme stands.
}
