/*
 * The ring: gate, claim, fill, publish, consume, release, journal, park, death and successor.
 *
 * Follows Sources/SequencerCore (Producer.swift, Consumer.swift, ConsumerJournal.swift) and the wait
 * of Sources/Sequencer/WaitStrategy.swift statement by statement; step numbers are those of
 * docs/protocol.md. Every access to shared memory is a step of the model, so that any other process
 * may come between any two. What a CPU may reorder is in weak.pml, and here where WEAK is set.
 *
 * A configuration (scripts/check-model.sh) chooses:
 *   CAPACITY  slots; RESERVE of them kept free; MAXSPAN longest record, 1 to 3 slots
 *   CONTEXTS  1 to 3 producers; each offers any number of events, and stops when it likes
 *   NESTED    1: context 1 is an interrupt on context 0's CPU: it begins between any two steps of
 *             the task and runs to its end before the task goes on; 0: each has a CPU of its own
 *   GATE      1: the gate as built; 0: a claim is made exactly when it fits, at one stroke. The gate
 *             configurations show that the real one never lets more through, so whatever holds under
 *             the second holds under the first; and events lost in between change no slot
 *   FILL      1: slots have content, and payload is hostile
 *   PARK      1: the consumer sleeps and only the bell wakes it, no time-out; 0: it looks again
 *   DEATHS    1: the consumer is killed between any two of its steps, as often as it likes
 *   ENDLESS   producers never stop: for liveness, which is that records go on being delivered
 *   WEAK      1: accesses to the gate's words in any order that arm64 allows
 *   M_...     a mutant: the protocol with one fault
 *
 * Laps are not bounded. Decisions hang on differences of tickets alone, so tickets are moved down as
 * `gating` goes up ("rebase"): by CAPACITY once a lap where slots have content, and otherwise so that
 * `gating` stays at BASE and the ring turns below it. A view of `gating` that falls behind by
 * HIGH_WATER or more is kept there: each comparison that it is part of (is the distance, plus a span,
 * above the high water?) comes out the same from then on.
 */
#ifndef MAXSPAN
#define MAXSPAN 1
#endif
#ifndef NESTED
#define NESTED 0
#endif
#ifndef GATE
#define GATE 1
#endif
#ifndef FILL
#define FILL 0
#endif
#ifndef PARK
#define PARK 0
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef WEAK
#define WEAK 0
#endif

#define HIGH_WATER (CAPACITY - RESERVE)
#if FILL
#define CELLS (CAPACITY + MAXSPAN - 1)
#define BASE (2 * CAPACITY)
#define CELL(t) ((t) % CAPACITY)
#else
/* One more than the ring has: a consumer that has read a full ring looks at the next ticket's slot. */
#define CELLS (CAPACITY + MAXSPAN)
#define BASE (HIGH_WATER + 3)
#define CELL(t) ((t) - gating)
#endif

/* What a slot's first word can hold besides a ticket + 1 (tickets begin at BASE). */
#define OLD 0     /* a sequence of an earlier lap, or cleared: never looked for again */
#define CLAIMED 1 /* "claimed by CPU n", stored after the claim: equal to no ticket + 1 */
#define FORGED 2  /* payload that an attacker chose: equal to whatever is looked for */

/* What a slot can hold besides the ticket + 1 of the record that filled it. */
#define FREE 0
#define WIPED 1 /* its first word was cleared */

/*
 * The properties' names. They stay 0 and stand in the text of their assertions, so that the
 * verifier's message names what was violated.
 */
hidden byte no_overrun, no_torn_read, no_forged_publish, in_order_exactly_once;
hidden byte no_lost_wakeup, every_record_delivered, gate_open_at_rest, conservation;

/* The control area. */
byte cursor = BASE, gating = BASE;
bit gate, parked;
bit bell;                  /* the bell's two positions differ: it is heard until silenced */
bit silencing, rung_again; /* silence() is between its two steps; and the bell rang meanwhile */

/* The ring: the word in which a sequence is looked for, and the header's span. */
byte word[CELLS];
#if MAXSPAN > 1
byte header_span[CELLS];
#define SPAN_OF(cell) header_span[cell]
#else
#define SPAN_OF(cell) 1
#endif
#if FILL
byte content[CELLS];
/* Ghosts; more records than the ring holds can't be mistaken for each other. */
#define RECORDS (CAPACITY + 1)
byte number[CELLS];   /* how many records were claimed before this one, modulo RECORDS */
byte claims;          /* records claimed, modulo RECORDS */
bit published[CELLS]; /* the record that begins here is through step 7 */
#endif

/* Producers' registers: `gating` as seen at step 1, the ticket, `cursor` as seen at step 2. */
byte view[CONTEXTS], ticket[CONTEXTS];
#if WEAK
byte seen[CONTEXTS];
#endif
bit interrupted;  /* the interrupt runs: the task of its CPU stands still */
byte outstanding; /* ghost: offered - lost - delivered */

/* The consumer's own variables. */
byte position = BASE, released = BASE;
#if FILL
byte records; /* handed out since the ring was made, by all consumers; modulo RECORDS */
#endif
#if DEATHS
byte generation; /* journal entries written, modulo 4: they are compared with the one before */
byte journal_position[2], journal_records[2], journal_generation[2];
bit continuations, kill;
#endif
#if WEAK
/* Stores of the consumer that no other CPU sees yet, and a load ahead of its turn; 0: none. */
byte late_gating, early_cursor;
bit late_open, open_is_older;
#endif

hidden byte i;
hidden byte j;

#define DOWN(x, by) x = (x >= (by) -> x - (by) : 0)

inline move_down(by) {
  gating = gating - by;
  cursor = cursor - by;
  position = position - by;
  DOWN(released, by);
  for (i : 0 .. CONTEXTS - 1) {
    DOWN(view[i], by);
    DOWN(ticket[i], by);
#if WEAK
    DOWN(seen[i], by);
#endif
  }
#if WEAK
  DOWN(early_cursor, by);
#endif
#if DEATHS
  DOWN(journal_position[0], by);
  DOWN(journal_position[1], by);
#endif
  i = 0
}

#if FILL
/* A store of `gating` becomes visible: slots below are free, and what they hold matters no more. */
inline give_back(value) {
  do
  :: gating < value ->
    j = SPAN_OF(CELL(gating));
    if :: j == 0 -> j = 1 :: else fi;
    for (i : 0 .. j - 1) { content[CELL(gating) + i] = FREE }
    number[CELL(gating)] = 0;
    published[CELL(gating)] = 0;
#if MAXSPAN > 1
    header_span[CELL(gating)] = 0;
#endif
    /* A ticket + 1 of this lap is never looked for again. */
    if :: word[CELL(gating)] != FORGED -> word[CELL(gating)] = OLD :: else fi;
    gating = gating + j
  :: else -> break
  od;
  if
  :: gating >= BASE + CAPACITY ->
    move_down(CAPACITY);
    for (i : 0 .. CELLS - 1) {
      if :: word[i] > FORGED -> DOWN(word[i], CAPACITY) :: else fi;
      if :: content[i] > WIPED -> DOWN(content[i], CAPACITY) :: else fi
    }
  :: else
  fi;
  i = 0;
  j = 0
}
#else
/* The same where only the words count: the ring turns by as many slots as are given back. */
inline give_back(value) {
  j = value - gating;
  for (i : 0 .. CELLS - 1) {
    if
    :: i + j < CELLS && word[i + j] > FORGED -> word[i] = word[i + j] - j
    :: else -> word[i] = OLD
    fi;
#if MAXSPAN > 1
    header_span[i] = (i + j < CELLS -> header_span[i + j] : 0)
#endif
  }
  gating = value;
  move_down(j);
  j = 0
}
#endif

/* ---- Producers ---- */

/* One event, in context `me`. No loop over shared state, and nothing waits. */
inline event(me) {
  d_step { outstanding++; span = 1 }
#if MAXSPAN > 1
  if :: span = 1 :: span = 2 fi;
#endif
#if MAXSPAN > 2
  if :: skip :: span == 2 -> span = 3 fi;
#endif
#if GATE
  look_at_gate(me);
#else
  claim(me);
#endif
  if
  :: refused -> d_step { outstanding--; refused = 0; span = 0; view[me] = 0 } /* counted as lost */
  :: else ->
#if GATE
    claim(me);
#endif
    settle_gate(me);
    fill(me);
    publish_and_wake(me)
  fi
}

#if GATE && !WEAK
inline look_at_gate(me) {
  view[me] = gating; /* 1 */
  closed = gate;
  if /* 2 */
#ifdef M_NO_GATE
  :: closed = 0
#elif defined(M_CLOSED_FOR_EVER)
  :: closed -> d_step { refused = 1; closed = 0 }
  :: else
#else
  :: closed -> d_step { refused = (cursor + span - view[me] > HIGH_WATER); closed = 0 }
  :: else
#endif
  fi
}
#endif
#if GATE && WEAK
/* Three plain loads before the claim, in any order; `cursor` perhaps before it is known to be needed. */
inline look_at_gate(me) {
  do
  :: !has_view -> d_step { view[me] = gating; has_view = 1; if :: has_seen -> compare(me) :: else fi }
  :: !has_closed -> d_step { closed = gate; has_closed = 1 }
  :: !has_seen -> d_step { seen[me] = cursor; has_seen = 1; if :: has_view -> compare(me) :: else fi }
  :: has_view && has_closed && has_seen -> break
  od;
  skip;
  d_step {
    refused = closed && over;
    closed = 0; over = 0; has_view = 0; has_closed = 0; has_seen = 0
  }
}

/* Unsigned: a `cursor` older than the view of `gating` looks like a full ring. */
inline compare(me) {
  over = (seen[me] + span < view[me] || seen[me] + span - view[me] > HIGH_WATER);
  seen[me] = 0
}
#endif
inline claim(me) {
#ifdef M_TICKET_IN_TWO_STEPS
  ticket[me] = cursor;
  d_step { cursor = ticket[me] + span; note_claim(me) }
#else
#if GATE
  d_step { ticket[me] = cursor; cursor = cursor + span; note_claim(me) } /* 3 */
#else
  atomic {
    if
    :: cursor + span - gating <= CAPACITY ->
      d_step { ticket[me] = cursor; cursor = cursor + span; note_claim(me) }
    :: else -> refused = 1
    fi
  }
#endif
#endif
}

inline note_claim(me) {
#if FILL
  number[CELL(ticket[me])] = claims;
  claims = (claims + 1) % RECORDS
#else
  skip
#endif
}

inline settle_gate(me) {
#if GATE
  if /* 4 */
  :: ticket[me] + span - view[me] > HIGH_WATER -> gate = 1; closes_gate: skip
  :: else
  fi;
  d_step { /* 5: an old view alone is no overrun; the program would poison the ring */
    assert(no_overrun || ticket[me] + span - gating <= CAPACITY);
    view[me] = 0
  }
#else
  skip
#endif
}

#if FILL
inline fill(me) {
  word[CELL(ticket[me])] = CLAIMED;
#ifdef M_PUBLISH_BEFORE_FILL
  d_step { word[CELL(ticket[me])] = ticket[me] + 1; published[CELL(ticket[me])] = 1 }
#endif
  fill_slot(me, 0);
#if MAXSPAN > 1
  if :: span > 1 -> fill_slot(me, 1) :: else fi;
#endif
#if MAXSPAN > 2
  if :: span > 2 -> fill_slot(me, 2) :: else fi;
#endif
}

/* 6, a slot of it. A further slot's first word is payload: harmless, or what is looked for next. */
inline fill_slot(me, n) {
  d_step {
    assert(no_overrun || content[CELL(ticket[me]) + n] == FREE);
    content[CELL(ticket[me]) + n] = ticket[me] + 1;
#if MAXSPAN > 1
    if :: n == 0 -> header_span[CELL(ticket[me])] = span :: else fi
#endif
  }
  if
  :: n == 0
  :: n != 0 -> word[CELL(ticket[me]) + n] = OLD
  :: n != 0 -> word[CELL(ticket[me]) + n] = FORGED; hostile_payload: skip
  fi
}
#else
inline fill(me) {
#if MAXSPAN > 1
  header_span[CELL(ticket[me])] = span
#else
  skip
#endif
}
#endif

inline publish_and_wake(me) {
#if PARK && defined(M_LOOK_BEFORE_PUBLISH)
  was_parked = parked;
#endif
  d_step { /* 7 */
#ifndef M_PUBLISH_BEFORE_FILL
    word[CELL(ticket[me])] = ticket[me] + 1;
#if FILL
    published[CELL(ticket[me])] = 1;
#endif
#endif
    ticket[me] = 0;
    span = 0
  }
#if PARK
#ifndef M_LOOK_BEFORE_PUBLISH
  was_parked = parked; /* 8 */
#endif
  if
  :: was_parked ->
    d_step { was_parked = parked; parked = 0 }
    if
    :: was_parked -> d_step { bell = 1; rung_again = silencing; was_parked = 0 } rings: skip
    :: else
    fi
  :: else
  fi
#endif
}

/* A producer may stop for good, so that a rest follows every state; where nothing is checked at rest
 * it goes on for ever. */
#if (PARK || FILL || DEATHS) && !defined(ENDLESS)
#define OR_STOP :: break
#else
#define OR_STOP
#endif

#define REGISTERS \
  byte span; \
  bit closed, refused, was_parked, has_view, has_closed, has_seen, over

#if NESTED
active proctype Task() provided (!interrupted) {
  REGISTERS;
  do :: event(0) OR_STOP od
}

active proctype Interrupt() {
  REGISTERS;
  do :: interrupted = 1; event(1); interrupted = 0 OR_STOP od
}
#else
active proctype FirstCPU() {
  REGISTERS;
  do :: event(0) OR_STOP od
}
#if CONTEXTS > 1
active proctype SecondCPU() {
  REGISTERS;
  do :: event(1) OR_STOP od
}
#endif
#endif
#if CONTEXTS > 2
active proctype ThirdCPU() {
  REGISTERS;
  do :: event(2) OR_STOP od
}
#endif

/* ---- The consumer ---- */

#define IS_READY (word[CELL(position)] == position + 1 || word[CELL(position)] == FORGED)

/* Hands out the record at `position`, slot by slot, and steps over it. */
inline read_record() {
#if FILL
  d_step {
    assert(no_forged_publish || published[CELL(position)]);
    assert(in_order_exactly_once || number[CELL(position)] == records);
    span = SPAN_OF(CELL(position));
    assert(no_torn_read || (span >= 1 && span <= MAXSPAN));
    assert(no_torn_read || content[CELL(position)] == position + 1)
  }
#if MAXSPAN > 1
  if
  :: span > 1 -> assert(no_torn_read || content[CELL(position) + 1] == position + 1)
  :: else
  fi;
#endif
#if MAXSPAN > 2
  if
  :: span > 2 -> assert(no_torn_read || content[CELL(position) + 2] == position + 1)
  :: else
  fi;
#endif
  d_step { records = (records + 1) % RECORDS; advance() }
#else
  d_step { span = SPAN_OF(CELL(position)); advance() }
#endif
  progress_delivered: skip
}

inline advance() {
  outstanding--;
#if DEATHS
  continuations = continuations || span > 1;
#endif
  position = position + span;
  span = 0
}

inline release() {
  if
  :: position != released ->
#ifdef M_CLEAR_BEFORE_JOURNAL
    clear_continuations();
#endif
#ifdef M_GATING_BEFORE_JOURNAL
    clear_continuations();
    store_gating();
    write_journal();
#else
    write_journal();
    finish_release()
#endif
  :: else
  fi;
#if !defined(M_GATE_CLEARED_LATE) && !defined(M_CLOSED_FOR_EVER)
  open_gate()
#endif
}

inline finish_release() {
#ifdef M_CLEAR_AFTER_GATING
  walk = released;
  store_gating();
#if DEATHS
  if :: continuations -> clear_from_walk() :: else fi
#else
  clear_from_walk()
#endif
#else
#if !defined(M_CLEAR_BEFORE_JOURNAL)
  clear_continuations();
#endif
  store_gating()
#endif
}

/* The words of the records' further slots, from `released` on; ends at a span that can't be. */
inline clear_continuations() {
#if FILL && MAXSPAN > 1 && !defined(M_NO_CLEAR)
#if DEATHS
  if
  :: continuations -> walk = released; clear_from_walk()
  :: else
  fi
#else
  walk = released;
  clear_from_walk()
#endif
#else
  skip
#endif
}

inline clear_from_walk() {
#if DEATHS
  continuations = 0;
#endif
  do
  :: walk < position ->
    span = header_span[CELL(walk)];
    if :: span == 0 || span > MAXSPAN || span > position - walk -> break :: else fi;
    if :: span > 1 -> clear_word(CELL(walk) + 1) :: else fi;
#if MAXSPAN > 2
    if :: span > 2 -> clear_word(CELL(walk) + 2) :: else fi;
#endif
    d_step { walk = walk + span; span = 0 }
  :: else -> break
  od;
  skip;
  d_step { walk = 0; span = 0 }
}

inline clear_word(cell) {
  d_step { word[cell] = OLD; content[cell] = WIPED }
}

inline write_journal() {
#if DEATHS
  generation = (generation + 1) % 4;
#ifdef M_GENERATION_FIRST
  journal_generation[generation % 2] = generation;
#endif
  journal_position[generation % 2] = position;
  journal_records[generation % 2] = records;
#ifndef M_GENERATION_FIRST
  d_step {
    journal_generation[generation % 2] = generation;
    /* Nobody looks at the other entry again before it is written anew. */
    journal_position[1 - generation % 2] = 0;
    journal_records[1 - generation % 2] = 0
  }
#endif
#else
  skip
#endif
}

#if WEAK
/* A store-release: it waits for the stores before it, and later accesses do not wait for it. */
inline store_gating() {
  late_gating == 0;
  d_step { late_gating = position; open_is_older = late_open; released = position }
}

inline open_gate() {
  is_closed = (late_open -> 0 : gate); /* its own store is seen at once */
  if
  :: is_closed ->
    d_step {
      if
      :: early_cursor != 0 -> opens = (early_cursor - position <= HIGH_WATER / 2)
      :: else -> opens = (cursor - position <= HIGH_WATER / 2)
      fi;
      is_closed = 0
    }
    if :: opens -> d_step { late_open = 1; open_is_older = 0; opens = 0 } :: else fi
  :: else
  fi;
  early_cursor = 0
}

/* The stores become visible, in any order that the store-releases leave. */
active proctype Buffer() {
end:
  do
  :: atomic { late_gating != 0 && !(late_open && open_is_older) ->
      d_step { skip; give_back(late_gating); late_gating = 0 } }
#ifdef M_GATE_OPENED_BY_PLAIN_STORE
  :: d_step { late_open -> gate = 0; late_open = 0; open_is_older = 0 }
#else
  :: d_step { late_open && (late_gating == 0 || open_is_older) ->
      gate = 0; late_open = 0; open_is_older = 0 }
#endif
  od
}
#else
inline store_gating() {
  d_step { give_back(position); released = position }
}

/* Looks at `cursor` only where the gate is closed; the gate is opened on what was true then. */
inline open_gate() {
#if GATE
  if
  :: gate ->
#ifdef M_GATE_OPENED_BEFORE_LOOK
    gate = 0;
    if :: cursor - position > HIGH_WATER / 2 -> gate = 1 :: else fi
#else
    if :: cursor - position <= HIGH_WATER / 2 -> opens_gate: gate = 0 :: else fi
#endif
  :: else
  fi
#else
  skip
#endif
}
#endif

inline drain() {
  do
  :: IS_READY ->
    read_record();
    if /* after how many records is chance here: 512 slots, or the end of what is ready */
    :: release()
    :: skip
    fi
  :: else -> break
  od;
#if WEAK && defined(M_CURSOR_READ_EARLY)
  if :: early_cursor = cursor :: skip fi;
#endif
  release()
}

/* All has come to rest: nobody can do anything any more without the bell. */
inline check_rest() {
  d_step {
    assert(no_lost_wakeup || !IS_READY);
    assert(every_record_delivered || position == cursor);
    assert(gate_open_at_rest || !gate);
    assert(conservation || outstanding == 0)
  }
}

#if PARK
inline wait() {
  release();
#ifdef M_PARK_WITHOUT_SECOND_LOOK
  parked = 1;
  sleep()
#else
  parked = 1;
  if
  :: IS_READY -> found_at_second_look: parked = 0
  :: else -> sleep()
  fi
#endif
}

inline sleep() {
  if
  :: bell
  :: timeout -> check_rest(); goto rest
  fi;
  parked = 0;
  /* Two steps: a bell rung in between is heard the next time. */
  silencing = 1;
  d_step { bell = rung_again; rung_again = 0; silencing = 0 }
#if defined(M_GATE_CLEARED_LATE) || defined(M_CLOSED_FOR_EVER)
  ; open_gate()
#endif
}
#else
inline wait() {
  if
  :: IS_READY
#if GATE && WEAK
  :: gate && !late_open
#endif
#if GATE && !WEAK
  :: gate
#endif
  :: timeout -> check_rest(); goto rest
  fi
}
#endif

#if DEATHS
/* What a successor does before it reads: ConsumerJournal.init and Consumer.init(resuming:). */
inline resume() {
  d_step {
    continuations = 0;
    /* The second entry if its generation is higher. They differ by one, so modulo 8 tells. */
    walk = ((journal_generation[1] + 4 - journal_generation[0]) % 4 == 1 -> 1 : 0);
    generation = journal_generation[walk];
    position = journal_position[walk];
    /* What was handed out behind the journal is handed out again. */
    outstanding = outstanding + (records + RECORDS - journal_records[walk]) % RECORDS;
    records = journal_records[walk];
    released = gating;
    walk = 0
  }
  if
  :: position > released -> d_step { continuations = 1 } dead_before_gating: finish_release()
  :: else -> position = released
  fi
}
#endif

active proctype Consumer() {
  byte span, walk;
  bit is_closed, opens;
#if DEATHS
life:
  {
    resume();
    do :: drain(); wait() od
  } unless {
    /* The process is gone; what it left in shared memory is all there is. */
    d_step { kill -> kill = 0; span = 0; walk = 0; silencing = 0; rung_again = 0 }
  };
  goto life;
#else
  do :: drain(); wait() od;
#endif
rest:
  skip
}

#if DEATHS
active proctype Killer() {
  do
  :: !kill -> kill = 1
  :: break
  od
}
#endif
