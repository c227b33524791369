import CSequencerAtomics
import CTestSupport
import Glibc
package import Sequencer
import SequencerABI
import SequencerCore

/// A consumer that goes to sleep after every record, and a producer that publishes the next one just
/// then: at the moments at which a wake-up could be lost.
///
/// Both run the code that users run, ``Waiter`` and `Producer`; the bell is a pipe. There is no
/// short sleep to hide a wake-up that never came: the net under the doorbell is a minute long, and
/// a sleep that it ends is told.
package struct ParkRaces: Sendable {
  /// Races to run: times the consumer slept, or was kept from it by its second look.
  package var races: UInt64

  /// So many races.
  package init(races: UInt64) { self.races = races }

  /// What came of it.
  package struct Result: Sendable {
    package var published: UInt64 = 0
    package var delivered: UInt64 = 0
    /// Sleeps, second looks that found a record, and sleeps that the net ended.
    package var waits = WaitFigures()
    /// Bells rung.
    package var bells: UInt64 = 0
    /// Sleeps that the kernel had to wake the thread from. The bells of the others were rung between
    /// the announcement and the sleep.
    package var switches: UInt64 = 0
    /// The first record that was not the one that had to come.
    package var complaint: String?

    /// Races in which publishing and falling asleep overlapped for certain.
    package var overlaps: UInt64 {
      waits.secondLooks + (waits.parks > switches ? waits.parks - switches : 0)
    }
  }

  /// Runs them.
  ///
  /// - Throws: if there is no descriptor or memory to be had.
  package func run() throws -> Result {
    var ends: [Int32] = [-1, -1]
    guard unsafe pipe(&ends) == 0 else { throw SequencerError("no pipe to be had") }
    // A bell that nobody hears must not stop the producer, nor one that is silent the consumer.
    for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
    let bell = ends[0]
    var name = Array("/tmp/ordinal-doorbell-XXXXXX".utf8CString)
    // Two pages for the positions of a ringbuf, which nobody moves here.
    let pages = unsafe mkstemp(&name)
    defer { for descriptor in ends + [pages] { close(descriptor) } }
    guard pages >= 0, ftruncate(pages, 8192) == 0 else { throw SequencerError("no file in /tmp") }
    unsafe unlink(name)
    let test = try MappedTestRing(bellDescriptor: ends[1])
    let ring = test.ring
    let published = Box(UInt64(0))
    let producer = TestThread { published.value = produce(ring) }
    let outcome = Box(Result())
    let consumer = TestThread {
      outcome.value = consume(test, bell, pages)
      unsafe seq_store_u64(ring.control + StressWord.stop, 1)
    }
    consumer.join()
    producer.join()
    var result = outcome.value
    // What was published while it stopped.
    _ = try? test.consumer.drain { _ throws(Never) in result.delivered += 1 }
    result.published = published.value
    result.bells = ring.rings
    return result
  }

  /// Written by a thread before it ends, read behind its end.
  private final class Box<Value>: @unchecked Sendable {
    var value: Value
    init(_ value: Value) { self.value = value }
  }

  private func produce(_ ring: HostRing) -> UInt64 {
    // The two on CPUs of their own: where the kernel keeps a thread beside the one that woke it, one
    // of them stands still while the other does its steps.
    _ = test_bind_to_cpu(1)
    let producer = Producer(ring.memory())
    var random = RandomNumbers(seed: 7)
    var number: UInt64 = 0
    // Hints to wait for, so that about every second record comes before the announcement.
    var delay = 16
    while true {
      // Filled before the moment comes, so that publishing is one instruction at that moment.
      guard let claim = producer.claim(slots: 1, family: .test) else { return number }
      // The consumer has read everything and told so: it is on its way to sleep.
      var isOver = unsafe !wait(ring) {
        unsafe seq_load_acquire_u64($0 + ControlLayout.gating) == number
      }
      // Once with the announcement, once somewhere on the way to it.
      let isAnnounced = random.oneIn(2)
      if isAnnounced, !isOver {
        isOver = unsafe !wait(ring) { unsafe seq_load_u32($0 + ControlLayout.parked) != 0 }
      }
      let hints = isAnnounced ? Int(random.next() & 3) : delay + Int(random.next() & 15)
      if !isOver { for _ in 0..<hints { seq_spin_hint() } }
      let rings = ring.rings
      producer.publish(claim, kind: .test, cpu: 0, flags: [], payloadLength: 0)
      if !isAnnounced { delay = max(0, min(4096, delay + (ring.rings == rings ? 1 : -1))) }
      number += 1
      if isOver { return number }
    }
  }

  /// Waits until `condition` holds.
  ///
  /// - Returns: false if it is all over.
  private func wait(_ ring: HostRing, _ condition: (UnsafeMutableRawPointer) -> Bool) -> Bool {
    var looks = 0
    while unsafe !condition(ring.control) {
      if unsafe seq_load_u64(ring.control + StressWord.stop) != 0 { return false }
      looks += 1
      // Where both threads are on one CPU, the other must have it.
      if looks % 512 == 0 { sched_yield() } else { seq_spin_hint() }
    }
    return true
  }

  private func consume(
    _ test: MappedTestRing, _ bell: Int32, _ pages: Int32
  ) -> Result {
    _ = test_bind_to_cpu(0)
    var result = Result()
    guard let doorbell = try? Doorbell(polled: bell, mapped: pages) else {
      result.complaint = "no doorbell to be had"
      return result
    }
    var pace = Waiter.Pace()
    pace.spinLimit = 1
    pace.nap = 0
    pace.longestSleep = 60_000_000_000
    var waiter = Waiter(.park, pace: pace)
    let switches = test_voluntary_switches()
    while waiter.figures.parks + waiter.figures.secondLooks < races {
      do {
        let count = try test.consumer.drain { record throws(Never) in
          if record.header.sequence != result.delivered + 1 {
            result.complaint = result.complaint ?? "\(record.header.sequence) came"
          }
          result.delivered += 1
        }
        if count > 0 {
          waiter.progressed(test.consumer)
          continue
        }
      } catch {
        result.complaint = "\(error)"
      }
      if result.complaint != nil || waiter.figures.lateWakeUps > 0 { break }
      _ = waiter.wait(&test.consumer, doorbell: doorbell, interrupt: -1, deadline: nil)
      // Behind the wait and before the look at the ring, where a ringbuf is silenced.
      var rung: (UInt64, UInt64) = (0, 0)
      _ = unsafe read(bell, &rung, 16)
    }
    result.waits = waiter.figures
    result.switches = UInt64(max(0, test_voluntary_switches() - switches))
    return result
  }
}
