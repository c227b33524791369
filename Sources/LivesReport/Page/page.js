// The page: what is in view, what is selected, and what keys, pointers and the search box do to both.

const byId = id => document.getElementById(id);
const data = JSON.parse(byId('data').textContent);
const lives = decodeLives(data);
const signalName = signalNames(data);
const rate = data.rate;
const whole = { from: 0, to: Math.max(data.end, 1) };
const lanes = packLanes(lives, whole.from, whole.to);
const living = livingOverTime(lives, whole.from, whole.to, 600);
const view = { from: whole.from, to: whole.to, top: 0, laneHeight: 15 };
const state = { selected: NONE, marked: null, matches: [], match: NONE, byProgram: false };
const canvases = { overview: byId('overview'), rate: byId('rate'), lives: byId('lives') };
const details = byId('details'), tip = byId('tip');
let colours = readColours(), mostLiving = 0, isDue = false;

function draw() {
  isDue = false;
  clampView();
  mostLiving = drawOverview(canvases.overview, living, view, whole, rate, colours);
  if (rate) drawRates(canvases.rate, rate, view, colours);
  drawLives(canvases.lives, lives, lanes, view, state, colours);
  byId('range').textContent = `${moment(view.from)} … ${moment(view.to)}  (${duration(view.to - view.from)})`;
  keepAddress();
}

function redraw() {
  if (!isDue) { isDue = true; requestAnimationFrame(draw); }
}

// MARK: The view

function clampView() {
  const full = whole.to - whole.from, least = Math.min(full, 1000);
  const span = Math.min(full, Math.max(least, view.to - view.from));
  if (view.to - view.from !== span) {
    const middle = (view.from + view.to) / 2;
    view.from = middle - span / 2;
    view.to = middle + span / 2;
  }
  if (view.from < whole.from) { view.from = whole.from; view.to = whole.from + span; }
  if (view.to > whole.to) { view.to = whole.to; view.from = whole.to - span; }
  const room = canvases.lives.clientHeight - AXIS;
  view.top = Math.max(0, Math.min(view.top, lanes.laneCount * view.laneHeight - room));
}

function zoom(factor, at = 0.5) {
  const span = view.to - view.from, pivot = view.from + span * at;
  const next = Math.min(whole.to - whole.from, Math.max(1000, span * factor));
  view.from = pivot - next * at;
  view.to = view.from + next;
  redraw();
}

function pan(share) {
  const by = (view.to - view.from) * share;
  view.from += by;
  view.to += by;
  redraw();
}

function showWhole() {
  Object.assign(view, { from: whole.from, to: whole.to });
  redraw();
}

/** Brings lives into view: in time with some room at both sides, and their top lane. */
function show(from, to, lane) {
  const start = Math.max(from, whole.from), end = Math.max(Math.min(to, whole.to), start);
  const room = Math.max((end - start) * 0.15, 2000);
  view.from = start - room;
  view.to = end + room;
  showLane(lane);
}

function showLane(lane) {
  const y = lane * view.laneHeight, room = canvases.lives.clientHeight - AXIS;
  if (y < view.top || y + view.laneHeight > view.top + room) view.top = y - room / 3;
  redraw();
}

/** Lanes as high as fit, and no more room than they need; the rest is scrolled to. */
function fitLanes() {
  const needed = AXIS + lanes.laneCount * 18 + 8;
  if (needed < canvases.lives.clientHeight) canvases.lives.style.height = `${Math.max(needed, 120)}px`;
  const room = canvases.lives.clientHeight - AXIS;
  view.laneHeight = Math.max(5, Math.min(18, Math.floor(room / Math.max(1, lanes.laneCount))));
}

// MARK: Selection and details

function select(i, moves = false) {
  state.selected = i;
  state.match = state.matches.indexOf(i);
  state.marked = i !== NONE && lives.children(i).length ? subtree(lives, i) : state.matches.length ? markMatches() : null;
  if (i !== NONE && moves) {
    const start = Math.max(lives.start[i], whole.from), end = Math.min(lives.end[i], whole.to);
    const span = view.to - view.from;
    if (end < view.from || start > view.to || (end - start) < span / 2000) show(start, end, lanes.lane[i]);
    else showLane(lanes.lane[i]);
  }
  tellDetails();
  redraw();
}

function markMatches() {
  const marked = new Uint8Array(lives.count);
  for (const i of state.matches) marked[i] = 1;
  return marked;
}

function ending(i) {
  const status = lives.status[i];
  if (status === NONE) return data.lost ? 'no end was seen' : 'still running';
  if (status === LOST) return 'its end was lost';
  const signal = status & 0x7f;
  return signal ? signalName(signal) + (status & 0x80 ? ', core dumped' : '') : `code ${status >> 8}`;
}

const wallTime = ns => data.epoch_us === null ? null
  : new Date(data.epoch_us / 1000 + ns / 1e6).toISOString().replace('T', ' ').replace('Z', ' UTC');

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function lifeButton(i) {
  const button = element('button', `${lives.pid[i]} ${lives.command(i)}`, lives.failed(i) ? 'life failed' : 'life');
  button.type = 'button';
  button.addEventListener('click', () => select(i, true));
  return button;
}

function tellDetails() {
  details.replaceChildren();
  const i = state.selected;
  if (i === NONE && state.matches.length) {
    details.append(element('h4', `Found ${grouped(state.matches.length)}`));
    listLives(state.matches);
    return;
  }
  if (i === NONE) {
    details.append(element('p', details.dataset.empty, 'faint'));
    return;
  }
  details.append(element('h3', `${lives.comm(i)} · ${lives.pid[i]}`), element('pre', lives.command(i)));
  const list = element('dl');
  const tell = (name, value, className) => {
    if (value === null || value === undefined) return;
    list.append(element('dt', name), element('dd', value, className));
  };
  tell('End', ending(i), lives.failed(i) ? 'bad' : '');
  tell('Started', moment(lives.start[i]));
  tell('', wallTime(lives.start[i]), 'faint');
  tell('Ran', isFinite(lives.end[i]) && lives.status[i] >= 0 ? duration(lives.end[i] - lives.start[i]) : null);
  tell('Fork to exec', lives.exec[i] >= 0 ? duration(lives.exec[i]) : lives.exec[i] === NONE ? 'never executed' : null);
  const newUid = lives.newUid[i];
  tell('User', newUid === undefined ? `${lives.uid[i]}` : `${lives.uid[i]} → ${newUid}`, newUid === undefined ? '' : 'bad');
  tell('More threads', lives.threads[i] ? grouped(lives.threads[i]) : null);
  tell('Execs', lives.execs[i] ? grouped(lives.execs[i]) : null);
  details.append(list);
  const buttons = element('p', undefined, 'buttons');
  const act = (text, does) => {
    const button = element('button', text);
    button.type = 'button';
    button.addEventListener('click', does);
    buttons.append(button);
  };
  act('Zoom to it', () => show(lives.start[i], lives.end[i], lanes.lane[i]));
  act('Zoom to its tree', () => showTree(i));
  details.append(buttons);
  if (lives.parent[i] >= 0) details.append(element('h4', 'Made by'), lifeButton(lives.parent[i]));
  const children = lives.children(i);
  if (children.length) {
    details.append(element('h4', `Made ${grouped(children.length)}`));
    listLives(children);
  }
}

/** Buttons for lives, failures first: they are what one looks for. */
function listLives(all) {
  const shown = Array.from(all).sort((a, b) => lives.failed(b) - lives.failed(a)).slice(0, 60);
  for (const i of shown) details.append(lifeButton(i));
  if (all.length > shown.length) details.append(element('p', `… ${grouped(all.length - shown.length)} more`, 'faint'));
}

function showTree(i) {
  const marked = subtree(lives, i);
  let from = lives.start[i], to = from;
  for (let k = i; k < lives.count; k++)
    if (marked[k]) { from = Math.min(from, lives.start[k]); to = Math.max(to, Math.min(lives.end[k], whole.to)); }
  show(from, to, lanes.lane[i]);
}

// MARK: Search

function find(text) {
  state.matches = text ? search(lives, text) : [];
  state.selected = NONE;
  state.match = NONE;
  state.marked = text ? markMatches() : null;
  byId('found').textContent = text ? `${grouped(state.matches.length)} found` : '';
  tellDetails();
  redraw();
}

function nextMatch(step) {
  const count = state.matches.length;
  if (!count) return;
  const next = state.match === NONE ? (step > 0 ? 0 : count - 1) : (state.match + step + count) % count;
  const i = state.matches[next];
  select(i, true);
  state.match = next;
  byId('found').textContent = `${grouped(next + 1)} of ${grouped(count)}`;
}

// MARK: Pointers

const within = (canvas, event) => {
  const box = canvas.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top, width: box.width };
};

function hit(event) {
  const { x, y, width } = within(canvases.lives, event);
  if (y < AXIS) return NONE;
  const t = view.from + x / width * (view.to - view.from);
  const lane = Math.floor((y - AXIS + view.top) / view.laneHeight);
  return lifeAt(lives, lanes, lane, t, (view.to - view.from) / width * 4);
}

function hover(event) {
  const i = hit(event);
  canvases.lives.style.cursor = i === NONE ? 'grab' : 'pointer';
  if (i === NONE) { tip.hidden = true; return; }
  tip.replaceChildren(element('b', `${lives.pid[i]} ${lives.comm(i)}`), element('code', lives.command(i)),
    element('span', `${ending(i)} · ${lives.status[i] >= 0 ? `ran ${duration(lives.end[i] - lives.start[i])} · ` : ''}at ${moment(lives.start[i])}`,
      lives.failed(i) ? 'bad' : ''));
  placeTip(event);
}

function hoverRate(event) {
  const { x, width } = within(canvases.rate, event);
  const k = Math.floor((view.from + x / width * (view.to - view.from) - rate.begin) / rate.width);
  if (k < 0 || k >= rate.lost.length) { tip.hidden = true; return; }
  const rows = rate.families.filter(family => family.counts[k])
    .map(family => element('span', `${family.name}: ${short(family.counts[k] * 1e9 / rate.width)} events/s`));
  if (rate.lost[k]) rows.push(element('span', `${grouped(rate.lost[k])} events were lost here`, 'bad'));
  if (!rows.length) rows.push(element('span', 'no event'));
  tip.replaceChildren(element('b', moment(rate.begin + k * rate.width)), ...rows);
  placeTip(event);
}

function placeTip(event) {
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - box.width - 8))}px`;
  tip.style.top = `${event.clientY + 18 + box.height > innerHeight ? event.clientY - box.height - 12 : event.clientY + 18}px`;
}

/** Drags and pinches: one pointer moves the view, two change its length. */
function followPointers(canvas, { clicks, hovers }) {
  const pointers = new Map();
  let moved = 0;
  canvas.addEventListener('pointerdown', event => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, within(canvas, event));
    moved = 0;
    canvas.focus({ preventScroll: true });
  });
  canvas.addEventListener('pointermove', event => {
    const before = pointers.get(event.pointerId);
    if (!before) { if (hovers && event.pointerType !== 'touch') hovers(event); return; }
    const now = within(canvas, event);
    const others = [...pointers].filter(([id]) => id !== event.pointerId);
    tip.hidden = true;
    if (others.length) {
      const other = others[0][1];
      const was = Math.max(10, Math.abs(before.x - other.x)), is = Math.max(10, Math.abs(now.x - other.x));
      zoom(was / is, (now.x + other.x) / 2 / now.width);
    } else {
      pan((before.x - now.x) / now.width);
      view.top += canvas === canvases.lives ? before.y - now.y : 0;
    }
    moved += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
    pointers.set(event.pointerId, now);
  });
  const end = event => {
    const isClick = event.type === 'pointerup' && pointers.size === 1 && moved < 5;
    pointers.delete(event.pointerId);
    if (isClick && clicks) clicks(event);
  };
  canvas.addEventListener('pointerup', end);
  canvas.addEventListener('pointercancel', end);
  canvas.addEventListener('pointerleave', () => { tip.hidden = true; });
  canvas.addEventListener('wheel', event => {
    // Without the focus the wheel scrolls the page: nobody is trapped here on the way down.
    if (document.activeElement !== canvas && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    tip.hidden = true;
    const { x, width } = within(canvas, event);
    const pixels = event.deltaMode === 1 ? 16 : 1;
    if (event.shiftKey) { view.top += (event.deltaY || event.deltaX) * pixels; redraw(); return; }
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) { pan(event.deltaX * pixels / width); return; }
    zoom(1.0015 ** (event.deltaY * pixels), x / width);
  }, { passive: false });
}

/** On the overview a drag chooses what is in view; a click moves it there. */
function followBrush(canvas) {
  let from = null;
  const at = event => {
    const { x, width } = within(canvas, event);
    return whole.from + Math.max(0, Math.min(1, x / width)) * (whole.to - whole.from);
  };
  canvas.addEventListener('pointerdown', event => { canvas.setPointerCapture(event.pointerId); from = at(event); });
  canvas.addEventListener('pointermove', event => {
    if (from === null) return;
    const to = at(event);
    if (Math.abs(to - from) / (whole.to - whole.from) < 0.004) return;
    Object.assign(view, { from: Math.min(from, to), to: Math.max(from, to), isBrushed: true });
    redraw();
  });
  const end = event => {
    if (from !== null && !view.isBrushed && event.type === 'pointerup') {
      const half = (view.to - view.from) / 2;
      Object.assign(view, { from: from - half, to: from + half });
      redraw();
    }
    from = null;
    view.isBrushed = false;
  };
  canvas.addEventListener('pointerup', end);
  canvas.addEventListener('pointercancel', end);
}

// MARK: Keys and buttons

const actions = {
  ArrowLeft: () => pan(-0.15), ArrowRight: () => pan(0.15),
  ArrowUp: () => { view.top -= 3 * view.laneHeight; redraw(); },
  ArrowDown: () => { view.top += 3 * view.laneHeight; redraw(); },
  '+': () => zoom(0.7), '=': () => zoom(0.7), '-': () => zoom(1 / 0.7),
  Home: showWhole, 0: showWhole,
  n: () => nextMatch(1), N: () => nextMatch(-1),
  p: () => { if (state.selected !== NONE && lives.parent[state.selected] >= 0) select(lives.parent[state.selected], true); },
  c: () => { if (state.selected !== NONE && lives.children(state.selected).length) select(lives.children(state.selected)[0], true); },
  Tab: null,
  '.': () => neighbour(1), ',': () => neighbour(-1),
  Enter: () => { if (state.selected !== NONE) showTree(state.selected); },
  '[': () => resizeLanes(-1), ']': () => resizeLanes(1),
  Escape: () => { byId('search').value = ''; find(''); },
};

/** The life that started before or after the selected one, or the first one in view. */
function neighbour(step) {
  if (!lives.count) return;
  let place = state.selected === NONE ? -1 : lives.byStart.indexOf(state.selected);
  if (place < 0) place = Math.max(0, lives.byStart.findIndex(i => lives.end[i] >= view.from) - step);
  select(lives.byStart[Math.max(0, Math.min(lives.count - 1, place + step))], true);
}

function resizeLanes(step) {
  view.laneHeight = Math.max(3, Math.min(24, view.laneHeight + 2 * step));
  redraw();
}

for (const canvas of [canvases.lives, canvases.rate])
  canvas.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });

byId('search').addEventListener('input', event => find(event.target.value.trim()));
byId('search').addEventListener('keydown', event => {
  if (event.key === 'Enter') { event.preventDefault(); nextMatch(event.shiftKey ? -1 : 1); }
  if (event.key === 'Escape') actions.Escape();
});
const press = (id, does) => byId(id).addEventListener('click', does);
press('previous', () => nextMatch(-1));
press('next', () => nextMatch(1));
press('zoom-in', () => zoom(0.5));
press('zoom-out', () => zoom(2));
press('zoom-whole', showWhole);
press('shorter', () => resizeLanes(-1));
press('taller', () => resizeLanes(1));
byId('colour').addEventListener('change', event => { state.byProgram = event.target.value === 'program'; redraw(); });
document.addEventListener('keydown', event => {
  if (event.key === '/' && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) {
    event.preventDefault();
    byId('search').focus();
  }
});
// The tables' processes lead to the timeline.
document.addEventListener('click', event => {
  const button = event.target.closest('button[data-life]');
  if (!button) return;
  select(Number(button.dataset.life), true);
  show(lives.start[state.selected], lives.end[state.selected], lanes.lane[state.selected]);
  canvases.lives.focus({ preventScroll: true });
  byId('timeline').scrollIntoView({ block: 'start' });
});

followPointers(canvases.lives, {
  clicks: event => select(hit(event)), hovers: hover,
});
canvases.lives.addEventListener('dblclick', event => {
  const i = hit(event);
  if (i !== NONE) showTree(i);
});
if (rate) followPointers(canvases.rate, { hovers: hoverRate });
followBrush(canvases.overview);

// MARK: The address: what is shown can be kept and passed on as a link

let keeping = 0;

function keepAddress() {
  clearTimeout(keeping);
  keeping = setTimeout(() => {
    const words = new URLSearchParams();
    if (view.from > whole.from || view.to < whole.to)
      words.set('t', `${(view.from / 1e9).toFixed(9)},${(view.to / 1e9).toFixed(9)}`);
    if (state.selected !== NONE) words.set('life', state.selected);
    if (byId('search').value.trim()) words.set('q', byId('search').value.trim());
    // A page in a frame, or in a viewer of files, may not be allowed to.
    try { history.replaceState(null, '', `#${words}`); } catch { /* it is shown all the same */ }
  }, 300);
}

function followAddress() {
  const words = new URLSearchParams(location.hash.slice(1));
  const query = words.get('q');
  if (query) {
    byId('search').value = query;
    find(query);
  }
  const life = Number.parseInt(words.get('life'), 10);
  if (life >= 0 && life < lives.count) {
    select(life);
    showLane(lanes.lane[life]);
  }
  const [from, to] = (words.get('t') || '').split(',').map(seconds => Number.parseFloat(seconds) * 1e9);
  if (to > from) Object.assign(view, { from, to });
}

// MARK: The beginning

function recolour() {
  colours = readColours();
  redraw();
}

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', recolour);
// Paper is light, whatever the screen is.
addEventListener('beforeprint', () => { document.documentElement.classList.add('print'); colours = readColours(); draw(); });
addEventListener('afterprint', () => { document.documentElement.classList.remove('print'); recolour(); });
new ResizeObserver(redraw).observe(canvases.lives);

document.documentElement.classList.add('live');
if (rate) rate.families.forEach((family, number) => {
  const item = element('li', family.name), mark = element('i');
  mark.style.background = `var(--family-${number % 8})`;
  item.prepend(mark);
  byId('families').append(item);
});
fitLanes();
tellDetails();
followAddress();
draw();
byId('most').textContent = grouped(mostLiving);
