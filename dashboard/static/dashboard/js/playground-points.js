// The support points of an episode by hand, within the limits of the plots, and what of them an address keeps.
const MOST = 50;

const held = (value, most) => Math.min(most, Math.max(-most, Number(value.toFixed(3))));

class Episode {
  // `sines` are the ranges of the run's own episodes.
  constructor(sines) {
    this.reach = sines.x_range;
    this.top = Number((1.12 * Math.max(sines.amplitude_low, sines.amplitude_high)).toPrecision(4));
    this.lowest = Math.min(sines.amplitude_low, sines.amplitude_high);
    this.highest = Math.max(sines.amplitude_low, sines.amplitude_high);
    this.latest = sines.phase_high;
    this.amplitude = this.highest * 0.68;
    this.phase = this.latest * 0.3;
    this.points = [];
  }

  sine(x) {
    return this.amplitude * Math.sin(x - this.phase);
  }

  add(x, y = this.sine(x)) {
    if (this.points.length < MOST) this.points.push([held(x, this.reach), held(y, this.top)]);
  }

  move(place, x, y) {
    this.points[place] = [held(x, this.reach), held(y, this.top)];
  }

  remove(place) {
    this.points.splice(place, 1);
  }

  clear() {
    this.points = [];
  }

  // Another sine takes the points with it: each stays as far from it as it was.
  turn({ amplitude = this.amplitude, phase = this.phase }) {
    const offsets = this.points.map(([x, y]) => y - this.sine(x));
    this.amplitude = amplitude;
    this.phase = phase;
    this.points.forEach(([x], place) => this.move(place, x, this.sine(x) + offsets[place]));
  }

  draw(count) {
    this.clear();
    this.amplitude = Number((this.lowest + Math.random() * (this.highest - this.lowest)).toFixed(2));
    this.phase = Number((Math.random() * this.latest).toFixed(2));
    for (let i = 0; i < count; i++) this.add((2 * Math.random() - 1) * this.reach);
  }

  // "A;phase;x:y,x:y" and back; false for what is no such text.
  told() {
    return [this.amplitude, this.phase, this.points.map((point) => point.join(':')).join(',')].join(';');
  }

  read(text) {
    const [amplitude, phase, points = ''] = text.split(';');
    const pairs = points.split(',').filter(Boolean).map((pair) => pair.split(':').map(Number));
    const isWhole = [amplitude, phase].every((one) => one && Number.isFinite(Number(one))) && pairs.every((pair) => pair.length === 2 && pair.every(Number.isFinite));
    if (!isWhole) return false;
    this.amplitude = Math.min(this.highest, Math.max(this.lowest, Number(amplitude)));
    this.phase = Math.min(this.latest, Math.max(0, Number(phase)));
    this.points = [];
    for (const [x, y] of pairs) this.add(x, y);
    return true;
  }
}

export const episodeOf = (sines) => new Episode(sines);
