// The lives: decoded, packed into lanes, searched and found under the pointer. Times are nanoseconds
// since the recording began.

const NONE = -1, LOST = -2;

/** Decodes the page's data; see PageData.swift for what its columns mean. */
function decodeLives(data) {
  const columns = data.lives, count = columns.pid.length;
  const start = new Float64Array(count), end = new Float64Array(count);
  const parent = Int32Array.from(columns.parent), status = Int32Array.from(columns.status);
  const nextOfPid = new Map();
  let moment = 0;
  for (let i = 0; i < count; i++) start[i] = moment += columns.start[i];
  const byStart = Uint32Array.from({ length: count }, (_, i) => i)
    .sort((a, b) => start[a] - start[b] || a - b);
  for (let k = count - 1; k >= 0; k--) {
    const i = byStart[k], pid = columns.pid[i];
    if (columns.ran[i] >= 0) end[i] = start[i] + columns.ran[i];
    // An end that was lost came before the pid's next life.
    else end[i] = status[i] === LOST && nextOfPid.has(pid) ? nextOfPid.get(pid) : Infinity;
    nextOfPid.set(pid, start[i]);
  }
  const childCount = new Uint32Array(count + 1);
  for (let i = 0; i < count; i++) if (parent[i] >= 0) childCount[parent[i] + 1]++;
  for (let i = 0; i < count; i++) childCount[i + 1] += childCount[i];
  const next = childCount.slice(), children = new Uint32Array(childCount[count]);
  for (let i = 0; i < count; i++) if (parent[i] >= 0) children[next[parent[i]]++] = i;
  const failed = i => status[i] > 0;
  return {
    count, start, end, parent, status, byStart, failed,
    pid: columns.pid, exec: columns.exec, uid: columns.uid,
    threads: columns.threads, execs: columns.execs, newUid: columns.new_uid,
    comm: i => data.strings[columns.comm[i]],
    command: i => columns.args[i] < 0 ? `[${data.strings[columns.comm[i]]}]` : data.strings[columns.args[i]],
    /** The command without the folders of its program: what there is room for. */
    label(i) { return this.command(i).replace(/^'?[^\s']*\//, ''); },
    commNumber: i => columns.comm[i],
    children: i => children.subarray(childCount[i], childCount[i + 1]),
  };
}

/**
 * Gives each life a lane, so that no two in a lane overlap and a child lies below its parent: the first
 * free lane below the parent's. A tree of minima over the lanes' ends finds it in logarithmic time.
 */
function packLanes(lives, begin, finish) {
  let size = 64, minima = new Float64Array(2 * size).fill(-Infinity), laneCount = 0;
  const lane = new Int32Array(lives.count);
  const firstFree = (from, moment) => {
    let node = from + size;
    while (minima[node] > moment) {
      while (node & 1) node >>= 1;
      if (node === 0) return -1;
      node++;
    }
    while (node < size) { node *= 2; if (minima[node] > moment) node++; }
    return node - size;
  };
  const grow = () => {
    const ends = minima.subarray(size, 2 * size), bigger = new Float64Array(4 * size).fill(-Infinity);
    bigger.set(ends, 2 * size);
    size *= 2;
    minima = bigger;
    for (let node = size - 1; node > 0; node--) minima[node] = Math.min(minima[2 * node], minima[2 * node + 1]);
  };
  for (const i of lives.byStart) {
    const from = Math.max(lives.start[i], begin);
    const to = Math.max(Math.min(lives.end[i], finish), from);
    const above = lives.parent[i] >= 0 ? lane[lives.parent[i]] + 1 : 0;
    while (above >= size) grow();
    let free = firstFree(above, from);
    while (free < 0) { grow(); free = firstFree(above, from); }
    lane[i] = free;
    laneCount = Math.max(laneCount, free + 1);
    // A life of no length at all still takes its place.
    minima[free + size] = to > from ? to : from + 1;
    for (let node = (free + size) >> 1; node > 0; node >>= 1)
      minima[node] = Math.min(minima[2 * node], minima[2 * node + 1]);
  }
  const offsets = new Uint32Array(laneCount + 1);
  for (let i = 0; i < lives.count; i++) offsets[lane[i] + 1]++;
  for (let l = 0; l < laneCount; l++) offsets[l + 1] += offsets[l];
  const next = offsets.slice(), members = new Uint32Array(lives.count);
  for (const i of lives.byStart) members[next[lane[i]]++] = i;
  return { lane, laneCount, inLane: l => members.subarray(offsets[l], offsets[l + 1]) };
}

/** The life in a lane at a moment, or the nearest one within a tolerance; NONE where there is none. */
function lifeAt(lives, lanes, l, moment, tolerance) {
  if (l < 0 || l >= lanes.laneCount) return NONE;
  const members = lanes.inLane(l);
  let low = 0, high = members.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lives.start[members[middle]] <= moment) low = middle + 1; else high = middle;
  }
  let best = NONE, least = tolerance;
  for (const k of [low - 1, low]) {
    if (k < 0 || k >= members.length) continue;
    const i = members[k];
    const distance = Math.max(lives.start[i] - moment, moment - lives.end[i], 0);
    if (distance <= least) { best = i; least = distance; }
  }
  return best;
}

/** Marks a life and all that came of it; children have higher numbers than their parents. */
function subtree(lives, top) {
  const marked = new Uint8Array(lives.count);
  marked[top] = 1;
  for (let i = top + 1; i < lives.count; i++)
    if (lives.parent[i] >= 0 && marked[lives.parent[i]]) marked[i] = 1;
  return marked;
}

/** The lives whose name, arguments or pid hold the text, in the order of their starts. */
function search(lives, text) {
  const wanted = text.toLowerCase(), found = [], known = new Map();
  for (const i of lives.byStart) {
    const command = lives.command(i);
    let holds = known.get(command);
    if (holds === undefined) known.set(command, holds = command.toLowerCase().includes(wanted));
    if (holds || lives.comm(i).toLowerCase().includes(wanted) || String(lives.pid[i]) === wanted) found.push(i);
  }
  return found;
}

/** How many lives there were at a number of moments, the most within each stretch. */
function livingOverTime(lives, begin, finish, stretches) {
  const change = new Int32Array(stretches + 1), width = (finish - begin) / stretches || 1;
  const place = t => Math.max(0, Math.min(stretches - 1, Math.floor((t - begin) / width)));
  for (let i = 0; i < lives.count; i++) {
    if (lives.end[i] < begin || lives.start[i] > finish) continue;
    change[place(lives.start[i])]++;
    if (lives.end[i] < finish) change[place(lives.end[i]) + 1]--;
  }
  const living = new Uint32Array(stretches);
  for (let k = 0, sum = 0; k < stretches; k++) living[k] = sum += change[k];
  return living;
}

const signalNames = data => number => data.signals[number] || `signal ${number}`;

/** A length of time in the unit that fits. */
function duration(ns) {
  if (!isFinite(ns)) return '–';
  if (ns < 1e3) return `${Math.round(ns)} ns`;
  if (ns < 1e6) return `${(ns / 1e3).toFixed(1)} µs`;
  if (ns < 1e9) return `${(ns / 1e6).toFixed(1)} ms`;
  if (ns < 60e9) return `${(ns / 1e9).toFixed(2)} s`;
  if (ns < 3600e9) return `${Math.floor(ns / 60e9)} min ${Math.round(ns % 60e9 / 1e9)} s`;
  if (ns < 86400e9) return `${Math.floor(ns / 3600e9)} h ${Math.round(ns % 3600e9 / 60e9)} min`;
  return `${Math.floor(ns / 86400e9)} d ${Math.round(ns % 86400e9 / 3600e9)} h`;
}

/** A moment as seconds since the beginning. */
function moment(ns) { return `${ns < 0 ? '−' : '+'}${(Math.abs(ns) / 1e9).toFixed(6)} s`; }

/** A number with its thousands apart. */
function grouped(number) { return Math.round(number).toLocaleString('en-US'); }

/** A number in few characters. */
function short(number) {
  for (const [size, unit] of [[1e9, 'G'], [1e6, 'M'], [1e3, 'k']])
    if (number >= size) return `${+(number / size).toPrecision(3)}${unit}`;
  return `${+number.toPrecision(3)}`;
}
