/*
 * What weakly ordered CPUs (arm64) may do to the pairs of accesses on which the protocol rests, as
 * litmus tests: each process performs its accesses in any order that the architecture allows.
 *
 * Memory is one for all: arm64 is "other-multi-copy atomic", so a store is seen by all other CPUs at
 * one moment, and what is left of weakness is the order in which one CPU's accesses reach that
 * memory. STEP(n, after) is access n; it may happen once all of `after` has happened, and `after`
 * holds what the architecture says and nothing else (Arm ARM, "Barrier-ordered-before" and
 * "Dependency-ordered-before"):
 *   - accesses to one place, in program order;
 *   - all after an acquire load; all before a release store, before it;
 *   - a store after a load that it depends on, by value or by branch. A load after a branch is free.
 *
 * A full-barrier atomic of a BPF program on arm64 is, by the kernel's JIT, LDXR, STLXR, DMB ISH; or,
 * with LSE, one LDADDAL or SWPAL. Both are used here as what they have in common: a load R and a store
 * W with no other CPU's store to that place between; everything before comes before W (not before R);
 * everything after comes after W and R. Until 2022 the architecture let an access after LDADDAL or
 * SWPAL come before its W; that reading is the mutant M_SWPAL_BEFORE_2022. An atomic without a result
 * orders nothing.
 *
 * The tests: PUBLISH, HANDOVER, PARK, REST, RESIDUAL, one at a time.
 */
#define DONE(n) (1 << (n))
#define STEP(n, after) !(done & DONE(n)) && ((done & (after)) == (after)) -> done = done | DONE(n)
#define ALL(count) (done == DONE(count) - 1)

/* The properties' names, see ring.pml. */
hidden byte no_torn_read, no_lost_wakeup, gate_open_at_rest, bound_true, conservation;

/* ---- A record is published: filled before its sequence, read after it (steps 6 and 7) ---- */
#ifdef PUBLISH
#define OLD 0
#define CLAIMED 1
#define SEQUENCE 2
byte word = OLD;
bit header, payload; /* 1: this record's */

active proctype Producer() {
  byte done;
  do
  :: d_step { STEP(0, 0); word = CLAIMED }
  :: d_step { STEP(1, 0); header = 1 }
  :: d_step { STEP(2, 0); payload = 1 }
#ifdef M_PUBLISH_BY_PLAIN_STORE
  :: d_step { STEP(3, DONE(0)); word = SEQUENCE }
#else
  :: d_step { STEP(3, DONE(0) | DONE(1) | DONE(2)); word = SEQUENCE } /* the exchange's W */
#endif
  :: ALL(4) -> break
  od
}

active proctype Consumer() {
  byte done, seen;
  bit span, bytes;
  do
  :: d_step { STEP(0, 0); seen = word }
#ifdef M_LOOK_WITHOUT_ACQUIRE
  :: d_step { STEP(1, 0); span = header }
  :: d_step { STEP(2, 0); bytes = payload }
#else
  :: d_step { STEP(1, DONE(0)); span = header }
  :: d_step { STEP(2, DONE(0)); bytes = payload }
#endif
  :: ALL(3) -> break
  od;
  assert(no_torn_read || seen != SEQUENCE || (span && bytes))
}
#endif

/* ---- A slot changes hands: read, cleared, released; view of gating, claim, fill (1, 3, 6) ---- */
#ifdef HANDOVER
#define RECORD_BEFORE 0
#define CLEARED 1
#define RECORD_AFTER 2
byte payload = RECORD_BEFORE, word = RECORD_BEFORE, bytes_read;
bit gating, claimed, view;

active proctype Consumer() {
  byte done;
  do
  :: d_step { STEP(0, 0); bytes_read = payload }
  :: d_step { STEP(1, 0); word = CLEARED }
#ifdef M_GATING_BY_PLAIN_STORE
  :: d_step { STEP(2, 0); gating = 1 }
#else
  :: d_step { STEP(2, DONE(0) | DONE(1)); gating = 1 } /* store-release */
#endif
  :: ALL(3) -> break
  od
}

/*
 * The stores into the slot hang on the view by the claim's barrier alone. (Step 5's branch would be a
 * dependency; that a compiler keeps one is no promise, and with the view before the claim none is
 * needed.)
 */
active proctype Producer() {
  byte done;
  do
  :: d_step { STEP(0, 0); view = gating }
#ifdef M_GATING_AFTER_CLAIM
  :: d_step { STEP(1, 0); claimed = 1 }
  :: d_step { STEP(2, DONE(1)); payload = RECORD_AFTER }
  :: d_step { STEP(3, DONE(1)); word = RECORD_AFTER }
#else
  :: d_step { STEP(1, DONE(0)); claimed = 1 } /* the claim's W */
  :: d_step { STEP(2, DONE(0) | DONE(1)); payload = RECORD_AFTER }
  :: d_step { STEP(3, DONE(0) | DONE(1)); word = RECORD_AFTER }
#endif
  :: ALL(4) -> break
  od
}

/* A view that said "not free yet" lets nobody in, so such runs are none of the protocol's. */
active proctype Judge() {
  timeout -> assert(no_torn_read || !view || (bytes_read == RECORD_BEFORE && word == RECORD_AFTER))
}
#endif

/* ---- Publish against park (7, 8; park, barrier, second look) ---- */
#ifdef PARK
bit word, parked, bell, sleeps;

active proctype Producer() {
  byte done;
  bit seen;
  do
  :: d_step { STEP(0, 0); word = 1 } /* the exchange's W */
#ifdef M_SWPAL_BEFORE_2022
  :: d_step { STEP(1, 0); seen = parked }
#else
  :: d_step { STEP(1, DONE(0)); seen = parked }
#endif
  :: ALL(2) -> break
  od;
  if
  :: seen -> d_step { seen = parked; parked = 0 } if :: seen -> bell = 1 :: else fi
  :: else
  fi
}

active proctype Consumer() {
  byte done;
  bit seen;
  do
  :: d_step { STEP(0, 0); parked = 1 }
#ifdef M_PARK_WITHOUT_BARRIER
  :: d_step { STEP(1, 0); seen = word }
#else
  :: d_step { STEP(1, DONE(0)); seen = word }
#endif
  :: ALL(2) -> break
  od;
  if
  :: !seen -> sleeps = 1
  :: else
  fi
}

active proctype Judge() { timeout -> assert(no_lost_wakeup || !sleeps || bell) }
#endif

/* ---- Who delivered the record that closed the gate sees the gate closed (4, 7; release) ---- */
#ifdef REST
bit word, gate, delivered;

active proctype Producer() {
  byte done;
  do
  :: d_step { STEP(0, 0); gate = 1 }
#ifdef M_PUBLISH_BY_PLAIN_STORE
  :: d_step { STEP(1, 0); word = 1 }
#else
  :: d_step { STEP(1, DONE(0)); word = 1 }
#endif
  :: ALL(2) -> break
  od
}

active proctype Consumer() {
  byte done;
  bit closed;
  do
  :: d_step { STEP(0, 0); delivered = word }
#ifdef M_LOOK_WITHOUT_ACQUIRE
  :: d_step { STEP(1, 0); closed = gate }
#else
  :: d_step { STEP(1, DONE(0)); closed = gate }
#endif
  :: ALL(2) -> break
  od;
  if
  :: closed -> gate = 0
  :: else
  fi
}

active proctype Judge() { timeout -> assert(gate_open_at_rest || !delivered || !gate) }
#endif

/*
 * ---- The consumer takes what a CPU has pending, while that CPU counts another loss ----
 *
 * One loss is pending, its place 5. The CPU has claimed since, so a loss now has the place 6. Counting
 * uses atomics without a result, which order nothing; what holds is the branch on the counter.
 */
#ifdef RESIDUAL
byte pending = 1, hint = 1, pending_after = 5, first_place = 5;
byte counted = 1, told;

active proctype CPU() {
  byte done, seen;
  do
  :: d_step { STEP(0, 0); seen = pending }
  :: d_step { STEP(1, DONE(0)); if :: seen == 0 -> pending_after = 6 :: else fi }
  :: d_step { STEP(2, DONE(0)); pending++; counted++; if :: first_place == 0 -> first_place = 6 :: else fi }
  :: d_step { STEP(3, 0); hint++ }
  :: ALL(4) -> break
  od
}

active proctype Consumer() {
  byte done, bound, taken, place;
  bit any;
#ifdef M_COLLECT_BY_HINT
  any = (hint != 0);
#else
  any = (pending != 0);
#endif
  if
  :: any ->
    do
    :: d_step { STEP(0, 0); bound = pending_after }
#ifdef M_TAKE_BY_RELAXED_EXCHANGE
    :: d_step { STEP(1, 0); hint = 0 }
    :: d_step { STEP(2, 0); taken = pending; pending = 0; place = first_place; first_place = 0 }
#else
    :: d_step { STEP(1, DONE(0)); hint = 0 } /* each exchange's W */
    :: d_step { STEP(2, DONE(0) | DONE(1)); taken = pending; pending = 0; place = first_place; first_place = 0 }
#endif
    :: ALL(3) -> break
    od;
    told = told + taken;
    assert(bound_true || taken == 0 || bound <= place)
  :: else
  fi
}

/* At rest the consumer looks once more. */
active proctype Judge() {
  timeout ->
  if
#ifdef M_COLLECT_BY_HINT
  :: hint != 0 -> told = told + pending
#else
  :: pending != 0 -> told = told + pending
#endif
  :: else
  fi;
  assert(conservation || told == counted)
}
#endif
