// A few requests for figures at a time, in the order of asking; one that is given up makes room. The first goes alone:
// a server that makes several at once finishes none of them soon.
const MOST = 4;
let most = 1;
const waiting = [];
let running = 0;

function next() {
  while (running < most && waiting.length) {
    running += 1;
    waiting.shift()().finally(() => {
      running -= 1;
      most = MOST;
      next();
    });
  }
}

// Does the work once it is its turn. Rejects as soon as `signal` is aborted, if that is before.
export function inTurn(work, signal) {
  return new Promise((resolve, reject) => {
    const job = () => Promise.resolve().then(work).then(resolve, reject);
    waiting.push(job);
    signal.addEventListener('abort', () => {
      const place = waiting.indexOf(job);
      if (place >= 0) waiting.splice(place, 1);
      reject(signal.reason);
    });
    next();
  });
}
