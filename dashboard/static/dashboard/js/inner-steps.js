// Inner steps of gradient descent on the mean squared error, of a fully connected network with rectifiers:
// phi_{s+1} = phi_s - rate * dL/dphi_s, as worker/metalearning/adaptation.py and inner_loops.py have it.

// Layers as typed arrays: `weight` is (outputs, inputs) row by row.
const copied = (layers) =>
  layers.map((layer) => ({
    ...layer,
    weight: Float64Array.from(layer.weight),
    bias: Float64Array.from(layer.bias),
  }));

// What every layer gives for one input, the input itself first.
function activations(layers, x) {
  const found = [Float64Array.of(x)];
  layers.forEach(({ inputs, outputs, weight, bias }, place) => {
    const into = found[place];
    const out = Float64Array.from(bias);
    for (let o = 0; o < outputs; o++) {
      for (let i = 0; i < inputs; i++) out[o] += weight[o * inputs + i] * into[i];
      if (place < layers.length - 1 && out[o] < 0) out[o] = 0;
    }
    found.push(out);
  });
  return found;
}

export const answer = (layers, x) => activations(layers, x).at(-1)[0];

// The gradient of the mean squared error on the points, by each layer's weight and bias.
function gradients(layers, points) {
  const found = layers.map(({ weight, bias }) => ({
    weight: new Float64Array(weight.length),
    bias: new Float64Array(bias.length),
  }));
  for (const [x, y] of points) {
    const given = activations(layers, x);
    let behind = Float64Array.of((2 * (given.at(-1)[0] - y)) / points.length);
    for (let place = layers.length - 1; place >= 0; place--) {
      const { inputs, outputs, weight } = layers[place];
      const into = given[place];
      const before = new Float64Array(inputs);
      for (let o = 0; o < outputs; o++) {
        found[place].bias[o] += behind[o];
        for (let i = 0; i < inputs; i++) {
          found[place].weight[o * inputs + i] += behind[o] * into[i];
          if (into[i] > 0) before[i] += weight[o * inputs + i] * behind[o];
        }
      }
      behind = before;
    }
  }
  return found;
}

// The rate of an element at an inner step; steps beyond those trained go on with the last one's.
function rateOf(kind, rates, step) {
  if (rates.length === 1) return () => rates[0];
  if (kind === 'elementwise') return (element) => rates[element];
  return () => rates[Math.min(step, rates.length - 1)];
}

// The layers after 0 to `steps` inner steps on the points; without points nothing changes.
export function adapted({ rates, layers }, points, steps) {
  const found = [copied(layers)];
  for (let step = 0; step < steps; step++) {
    const next = copied(found[step]);
    if (points.length) {
      gradients(next, points).forEach((gradient, place) => {
        for (const kind of ['weight', 'bias']) {
          const rate = rateOf(rates, next[place][`${kind}_rate`], step);
          gradient[kind].forEach((value, element) => {
            next[place][kind][element] -= rate(element) * value;
          });
        }
      });
    }
    found.push(next);
  }
  return found;
}

export const meanSquared = (answers, wanted) =>
  answers.reduce((sum, value, i) => sum + (value - wanted[i]) ** 2, 0) / answers.length;
