// The three drawings that share one axis of time: living processes, events, lives.

/** The page's colours, from its style sheet: they follow the light and the dark scheme. */
function readColours() {
  const style = getComputedStyle(document.documentElement);
  const read = name => style.getPropertyValue(`--${name}`).trim();
  return {
    text: read('text'), faint: read('faint'), line: read('line'), ground: read('panel'),
    ok: read('ok'), failed: read('failed'), signal: read('signal'), running: read('running'),
    match: read('match'), brush: read('brush'), onBar: read('on-bar'),
    families: Array.from({ length: 8 }, (_, k) => read(`family-${k}`)),
    isDark: read('scheme') === 'dark',
  };
}

/** A canvas that is as sharp as the screen; returns its context, scaled to CSS pixels. */
function prepare(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext('2d');
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = '11px system-ui, sans-serif';
  context.textBaseline = 'middle';
  return { context, width, height };
}

/** Round moments within a view, at most one for each hundred pixels or so. */
function ticks(from, to, width) {
  const rough = (to - from) / Math.max(1, width / 110);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(k => k * power).find(s => s >= rough);
  const all = [];
  for (let k = Math.ceil(from / step); k * step <= to; k++) all.push(k * step);
  return { all, step };
}

function tickLabel(t, step) {
  if (t === 0) return '0';
  const [unit, size] = step >= 1e9 ? ['s', 1e9] : step >= 1e6 ? ['ms', 1e6] : step >= 1e3 ? ['µs', 1e3] : ['ns', 1];
  // Far from the beginning of a deep zoom, seconds with the digits that differ are shorter.
  if (Math.abs(t) >= 1e4 * size && size < 1e9)
    return `${(t / 1e9).toFixed(Math.max(0, Math.min(9, -Math.floor(Math.log10(step / 1e9)))))} s`;
  return `${+(t / size).toPrecision(12)} ${unit}`;
}

/** The axis of time at the top of a drawing. */
function drawAxis(context, view, width, height, colours, labels) {
  const { all, step } = ticks(view.from, view.to, width);
  context.strokeStyle = colours.line;
  context.fillStyle = colours.faint;
  context.lineWidth = 1;
  context.beginPath();
  for (const t of all) {
    const x = Math.round((t - view.from) / (view.to - view.from) * width) + 0.5;
    context.moveTo(x, labels ? 16 : 0);
    context.lineTo(x, height);
    if (labels) context.fillText(tickLabel(t, step), Math.min(x + 3, width - 60), 9);
  }
  context.stroke();
}

/** The whole recording: how many processes lived, and which part of it is in view. */
function drawOverview(canvas, living, view, whole, rate, colours) {
  const { context, width, height } = prepare(canvas);
  const most = Math.max(1, living.reduce((a, b) => Math.max(a, b), 0));
  context.fillStyle = colours.ok;
  context.beginPath();
  context.moveTo(0, height);
  for (let k = 0; k < living.length; k++) {
    const y = height - 4 - living[k] / most * (height - 10);
    context.lineTo(k / living.length * width, y);
    context.lineTo((k + 1) / living.length * width, y);
  }
  context.lineTo(width, height);
  context.fill();
  const place = t => (t - whole.from) / (whole.to - whole.from) * width;
  const left = place(view.from), right = Math.max(place(view.to), left + 3);
  context.fillStyle = colours.brush;
  context.fillRect(0, 0, left, height);
  context.fillRect(right, 0, width - right, height);
  context.strokeStyle = colours.text;
  context.lineWidth = 1.5;
  context.strokeRect(left + 0.75, 0.75, Math.max(2, right - left - 1.5), height - 1.5);
  if (!rate) return most;
  // On top, and within the frame also at the end: a loss must not be overlooked.
  context.fillStyle = colours.failed;
  for (let k = 0; k < rate.lost.length; k++) {
    if (!rate.lost[k]) continue;
    const x = Math.min(place(rate.begin + k * rate.width), width - 5);
    context.fillRect(Math.max(2, x), height - 7, Math.max(3, Math.min(place(whole.from + rate.width), width - x)), 5);
  }
  return most;
}

/** Events a second, a layer a family; where events were lost, a red stripe below. */
function drawRates(canvas, rate, view, colours) {
  const { context, width, height } = prepare(canvas);
  drawAxis(context, view, width, height - 10, colours, false);
  const scale = 1e9 / rate.width, base = height - 12;
  const count = rate.lost.length, place = t => (t - view.from) / (view.to - view.from) * width;
  const first = Math.max(0, Math.floor((view.from - rate.begin) / rate.width));
  const last = Math.min(count - 1, Math.ceil((view.to - rate.begin) / rate.width));
  // Columns of three pixels at least, each of whole stretches, so that they keep still while the view moves.
  const joined = 2 ** Math.max(0, Math.ceil(Math.log2(3 / Math.max(1e-6, rate.width * width / (view.to - view.from)))));
  const columns = [];
  let most = 0;
  for (let k = first - first % joined; k <= last; k += joined) {
    const sums = rate.families.map(family => {
      let sum = 0;
      for (let j = k; j < Math.min(count, k + joined); j++) sum += family.counts[j];
      return sum / joined;
    });
    columns.push([place(rate.begin + k * rate.width), place(rate.begin + (k + joined) * rate.width), sums]);
    most = Math.max(most, sums.reduce((a, b) => a + b, 0));
  }
  most = most || 1;
  const below = new Float64Array(columns.length);
  rate.families.forEach((_, number) => {
    context.fillStyle = colours.families[number % colours.families.length];
    columns.forEach(([x, x1, sums], column) => {
      const high = sums[number] / most * (base - 8);
      below[column] += high;
      if (high > 0) context.fillRect(x, base - below[column], Math.max(1, x1 - x - (x1 - x > 6 ? 1 : 0)), high);
    });
  });
  context.fillStyle = colours.failed;
  for (let k = first; k <= last; k++) {
    if (!rate.lost[k]) continue;
    const x = place(rate.begin + k * rate.width), x1 = place(rate.begin + (k + 1) * rate.width);
    context.fillRect(x, height - 9, Math.max(2, x1 - x), 9);
  }
  const top = `${short(most * scale)}/s`;
  context.fillStyle = colours.ground;
  context.fillRect(0, 0, context.measureText(top).width + 8, 15);
  context.fillStyle = colours.faint;
  context.fillText(top, 4, 8);
}

const AXIS = 20;

/** The lives in view. Where many lie within a pixel, one is drawn; failures and what is marked go on top. */
function drawLives(canvas, lives, lanes, view, state, colours) {
  const { context, width, height } = prepare(canvas);
  drawAxis(context, view, width, height, colours, true);
  const scale = width / (view.to - view.from), laneHeight = view.laneHeight;
  const barHeight = laneHeight > 6 ? laneHeight - 2 : Math.max(1, laneHeight - 1);
  const drawn = new Float64Array(lanes.laneCount);
  const isMarked = state.marked;
  const labels = [];
  context.save();
  context.beginPath();
  context.rect(0, AXIS, width, height - AXIS);
  context.clip();
  const pass = (wanted, colour, alpha) => {
    drawn.fill(-1);
    context.fillStyle = colour || '#000';
    context.globalAlpha = alpha;
    for (const i of lives.byStart) {
      if (!wanted(i)) continue;
      const start = lives.start[i];
      if (start > view.to) break;
      if (lives.end[i] < view.from) continue;
      const y = AXIS + lanes.lane[i] * laneHeight - view.top;
      if (y > height || y + laneHeight < AXIS) continue;
      const x = Math.max(-2, (start - view.from) * scale);
      const x1 = Math.min(width + 2, (lives.end[i] - view.from) * scale);
      if (x1 - x < 1 && drawn[lanes.lane[i]] >= Math.floor(x)) continue;
      drawn[lanes.lane[i]] = Math.floor(Math.max(x, x1 - 1));
      const w = Math.max(1, x1 - x > 3 ? x1 - x - 1 : x1 - x);
      if (!colour) context.fillStyle = programColour(lives.commNumber(i), colours.isDark);
      const exec = lives.exec[i] >= 0 ? (start + lives.exec[i] - view.from) * scale : x;
      if (exec - x > 1.5) {
        context.globalAlpha = alpha * 0.5;
        context.fillRect(x, y + 1, Math.min(exec, x1) - x, barHeight);
        context.globalAlpha = alpha;
        context.fillRect(exec, y + 1, Math.max(1, x + w - exec), barHeight);
      } else context.fillRect(x, y + 1, w, barHeight);
      if (w > 34 && laneHeight >= 11) labels.push([i, Math.max(x, 0), y + 1 + barHeight / 2, Math.min(x1, width), alpha]);
    }
  };
  const plain = isMarked ? 0.22 : 1;
  const outcome = i => lives.status[i];
  for (const group of [[i => outcome(i) === 0, 'ok'], [i => outcome(i) < 0, 'running'],
    [i => outcome(i) > 0 && !(outcome(i) & 0x7f), 'failed'], [i => outcome(i) > 0 && (outcome(i) & 0x7f), 'signal']]) {
    const [wanted, name] = group;
    const colour = state.byProgram && (name === 'ok' || name === 'running') ? null : colours[name];
    if (!isMarked) { pass(wanted, colour, 1); continue; }
    pass(i => wanted(i) && !isMarked[i], colour, plain);
  }
  if (isMarked) {
    labels.length = 0;
    for (const [wanted, name] of [[i => outcome(i) === 0, 'ok'], [i => outcome(i) < 0, 'running'],
      [i => outcome(i) > 0 && !(outcome(i) & 0x7f), 'failed'], [i => outcome(i) > 0 && (outcome(i) & 0x7f), 'signal']])
      pass(i => isMarked[i] && wanted(i), state.byProgram && name === 'ok' ? null : colours[name], 1);
  }
  context.globalAlpha = 1;
  context.fillStyle = colours.onBar;
  for (const [i, x, y, x1] of labels) {
    const room = Math.floor((x1 - x - 8) / 6);
    const text = lives.label(i);
    context.fillText(text.length > room ? `${text.slice(0, Math.max(1, room - 1))}…` : text, x + 4, y + 0.5);
  }
  if (state.selected !== NONE) {
    const i = state.selected, y = AXIS + lanes.lane[i] * laneHeight - view.top;
    const x = Math.max(-4, (lives.start[i] - view.from) * scale);
    const x1 = Math.min(width + 4, (lives.end[i] - view.from) * scale);
    context.strokeStyle = colours.text;
    context.lineWidth = 2;
    context.strokeRect(x - 1, y, Math.max(4, x1 - x) + 1, barHeight + 2);
  }
  context.restore();
  const total = lanes.laneCount * laneHeight, room = height - AXIS;
  if (total > room) {
    context.fillStyle = colours.faint;
    context.globalAlpha = 0.6;
    const size = Math.max(20, room * room / total);
    context.fillRect(width - 5, AXIS + view.top / (total - room) * (room - size), 4, size);
    context.globalAlpha = 1;
  }
}

/** A colour of its own for each name, as far apart as the golden angle takes them. */
function programColour(number, isDark) {
  return `hsl(${Math.round(number * 137.508) % 360} ${isDark ? '38% 46%' : '52% 68%'})`;
}
