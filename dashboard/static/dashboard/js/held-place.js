// The section that the address names stays in sight while those above it come in, until the reader moves.
const LONGEST_MS = 10_000;
const NEAR = 4; // px that rounding may make
let release = () => {};

function hold() {
  release();
  const named = () => document.getElementById(location.hash.slice(1));
  if (!named()?.matches('.sec')) return;
  const top = () => named()?.getBoundingClientRect().top ?? 0;
  let at = null;
  const put = () => {
    named()?.scrollIntoView({ behavior: 'instant' });
    at = { scrolled: scrollY, top: top() };
  };
  const watch = new ResizeObserver(put);
  // Whoever scrolls away, by wheel, key or script, has gone elsewhere. What merely came in moves the section without
  // scrolling, and the browser goes to it once more.
  const moved = () => {
    if (at && Math.abs(scrollY - at.scrolled) > NEAR && Math.abs(top() - at.top) > NEAR) release();
  };
  // The browser's own anchoring would hold what is below the section as that grows.
  const { style } = document.documentElement;
  style.overflowAnchor = 'none';
  release = () => {
    watch.disconnect();
    style.overflowAnchor = '';
    removeEventListener('scroll', moved);
    release = () => {};
  };
  watch.observe(document.body);
  addEventListener('scroll', moved, { passive: true });
  setTimeout(release, LONGEST_MS);
}

addEventListener('hashchange', hold);
hold();
