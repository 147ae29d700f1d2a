// Episodes of drawn characters on canvas: one column per class, support above, query below.
const MOST_CLASSES = 10;
const SUPPORT_ROWS = 3;
const QUERY_ROWS = 2;
const SCALE = 2;

// 784 bits, row by row, high bit first, as base64.
export function bits(text) {
  const bytes = atob(text);
  return Array.from({ length: bytes.length * 8 }, (_, i) => (bytes.charCodeAt(i >> 3) >> (7 - (i & 7))) & 1);
}

function picture(drawing, label, { width, height }, isQuery) {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width: width * SCALE, height: height * SCALE, className: isQuery ? 'drawing asked' : 'drawing' });
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', `${isQuery ? 'query' : 'support'} drawing of ${label}`);
  const ink = canvas.getContext('2d');
  ink.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--text').trim();
  bits(drawing).forEach((bit, i) => {
    if (bit && i < width * height) ink.fillRect((i % width) * SCALE, Math.floor(i / width) * SCALE, SCALE, SCALE);
  });
  return canvas;
}

function caption(text) {
  const made = document.createElement('span');
  made.className = 'tiny muted';
  made.textContent = text;
  return made;
}

export function drawDrawings(place, samples, number, turn) {
  const characters = samples.sets[turn % samples.sets.length];
  const way = Math.max(1, Math.min(Math.round(number('way', 5)), characters.length, MOST_CLASSES));
  const drawings = characters[0].drawings.length;
  const shot = Math.max(1, Math.round(number('shot', 1)));
  const query = Math.max(1, Math.round(number('query', 1)));
  const support = Math.min(shot, SUPPORT_ROWS, drawings - 1);
  const shownQuery = Math.min(query, QUERY_ROWS, drawings - support);
  const row = (index, isQuery) => {
    const line = document.createElement('div');
    line.className = 'drawings';
    line.style.setProperty('--classes', way);
    for (const one of characters.slice(0, way)) line.append(picture(one.drawings[index], one.label, samples, isQuery));
    return line;
  };
  const part = (text, from, count, isQuery) => [caption(text), ...Array.from({ length: count }, (_, i) => row(from + i, isQuery))];
  const some = (asked, shown) => (asked > shown ? `${asked} per class, ${shown} shown` : `${asked} per class`);
  place.replaceChildren(
    ...part(`support: ${some(shot, support)}`, 0, support, false),
    ...part(`query: ${some(query, shownQuery)}`, support, shownQuery, true),
  );
  const asked = Math.round(number('way', 5));
  return {
    title: `${asked}-way ${shot}-shot${asked > way ? `, ${way} classes shown` : ''}`,
    note: 'Characters of the test split, which meta-training never sees. Each class is one character; labels are forgotten after the episode.',
  };
}
