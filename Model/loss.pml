/*
 * The account of losses: contexts that nest on one CPU, and the consumer that collects what no later
 * record tells. Follows Producer.claim and countLoss, GapBlock.take (Sources/SequencerCore) and
 * ResidualLosses (Sources/SequencerCore). The code takes where its CPU has been quiet; here the collector
 * takes at any moment, so what holds here holds there. The place of a collected gap is not modelled: the
 * nesting tests judge it.
 *
 * Left out: the ring. Whether the gate lets an event through is chance here, any time, which is more
 * than a real gate can do; a record is told of from its claim on, as nothing can stop its publishing.
 * CPUs share none of this, so one is enough; another CPU's claims only make gaps between tickets.
 *
 *   LEVELS    2: task and interrupt; 3: and an NMI on top of both
 *   EVENTS    events each level offers at most
 *   FAMILIES  is 2 here, in two words that are looked at one after the other
 *   M_...     a mutant
 *
 * Two levels and two families are enough to stop every step of a taker or a counter half-way; a third
 * level only repeats the second above another.
 */
#ifndef LEVELS
#define LEVELS 2
#endif
#ifndef EVENTS
#define EVENTS 3
#endif
#define NONE 255

/* The properties' names, see ring.pml. */
hidden byte bound_true, gap_before_its_record, told_once, conservation;

/* The CPU's element of cpu_state. */
byte last, pending_after, hint;
byte pending[2], lost[2];

byte cursor;
bit interrupt_runs, nmi_runs;

/* Ghosts. A loss's true place: the ticket + 1 of the CPU's last claim when it was counted. */
byte first_place[2] = NONE, last_place[2]; /* of the losses that wait in each counter */
byte offered, recorded, counted, told;

/* Takes one family's counter; the exchange is one step. */
inline take_family(f) {
#ifdef M_TAKE_IN_TWO_STEPS
  taken = pending[f];
#endif
  d_step {
#ifndef M_TAKE_IN_TWO_STEPS
    taken = pending[f];
#endif
    pending[f] = 0;
#ifdef M_BOUND_AFTER_COUNTERS
    if :: taken && first_place[f] < earliest -> earliest = first_place[f] :: else fi;
#else
    assert(bound_true || taken == 0 || bound <= first_place[f]);
#endif
    if :: last_place[f] > place -> place = last_place[f] :: else fi;
    first_place[f] = NONE;
    last_place[f] = 0;
    sum = sum + taken;
    taken = 0
  }
}

inline take() {
#ifndef M_BOUND_AFTER_COUNTERS
  bound = pending_after;
#endif
  hint = 0;
  take_family(0);
  take_family(1);
#ifdef M_BOUND_AFTER_COUNTERS
  d_step { bound = pending_after; assert(bound_true || bound <= earliest); earliest = NONE }
#endif
}

inline tell() {
  d_step {
    told = told + sum;
    assert(told_once || told <= counted);
    sum = 0; bound = 0; place = 0
  }
}

inline count_loss(f) {
#ifdef M_LAST_AFTER_LOOK
  any = (pending[0] != 0);
  any = any || pending[1] != 0;
  bound = last;
#else
  bound = last;
#ifdef M_BOUND_BY_HINT
  any = (hint != 0);
#else
  any = (pending[0] != 0);
  any = any || pending[1] != 0;
#endif
#endif
  if
  :: !any -> pending_after = bound
  :: else -> loss_adds: skip
  fi;
  d_step {
    bound = 0; any = 0;
    pending[f]++;
    counted++;
    if :: first_place[f] == NONE -> first_place[f] = cursor :: else fi;
    last_place[f] = cursor
  }
  lost[f]++;
  hint++
}

inline event() {
  atomic {
    offered++;
    if :: family = 0 :: family = 1 fi;
    if :: is_refused = 0 :: is_refused = 1 fi
  }
  tells = (hint != 0);
  if
  :: is_refused -> count_loss(family)
  :: else ->
#ifndef M_TAKE_AFTER_CLAIM
    if :: tells -> record_tells: take() :: else fi;
#endif
    d_step {
      ticket = cursor;
      cursor++;
      recorded++;
      assert(gap_before_its_record || place <= ticket)
    }
#ifdef M_TAKE_AFTER_CLAIM
    if :: tells -> record_tells: take(); assert(gap_before_its_record || place <= ticket) :: else fi;
#endif
    last = ticket + 1;
    tell()
  fi;
  d_step { ticket = 0; tells = 0; is_refused = 0; family = 0 }
}

#ifdef M_BOUND_AFTER_COUNTERS
#define EARLIEST byte earliest = NONE;
#else
#define EARLIEST
#endif
#define REGISTERS \
  EARLIEST \
  byte taken, bound, sum, place, ticket, family, events; \
  bit any, tells, is_refused

active proctype Task() provided (!interrupt_runs && !nmi_runs) {
  REGISTERS;
  do :: events < EVENTS -> event(); events++ :: break od
}

active proctype Interrupt() provided (!nmi_runs) {
  REGISTERS;
  do
  :: events < EVENTS -> interrupt_runs = 1; event(); events++; interrupt_runs = 0
  :: break
  od
}

#if LEVELS > 2
active proctype NMI() {
  REGISTERS;
  do
  :: events < EVENTS -> nmi_runs = 1; event(); events++; nmi_runs = 0
  :: break
  od
}
#endif

inline collect() {
  any = (pending[0] != 0);
  any = any || pending[1] != 0;
  if
  :: any -> consumer_collects: take(); tell()
  :: else
  fi;
  any = 0
}

/* Collects whenever it finds the ring empty: any time. And once more at the end, when all is at rest. */
active proctype Consumer() {
  EARLIEST
  byte taken, bound, sum, place;
  bit any;
  do
  :: pending[0] + pending[1] > 0 -> collect()
  :: timeout -> break
  od;
  collect();
  assert(conservation || told == lost[0] + lost[1]);
  assert(conservation || offered == recorded + told)
}
