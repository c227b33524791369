import Capture
import Foundation
import KernelEvents
import Sequencer
import SequencerABI
import TestSupport
import Testing

extension LiveKernelTests {
  /// A wake-up is never lost, through the kernel's own doorbell.
  @Suite struct WakingKernelTests {
    @Test func everyEventWakesTheConsumer() throws { try expectEveryWakeUp(forks: 10_000) }
  }

  /// The same at length.
  @Suite struct WakingLongKernelTests {
    @Test func everyEventWakesTheConsumer() throws { try expectEveryWakeUp(forks: 200_000) }
  }
}

/// Forks children one after the other, each only when the end of the last one has been read, before a
/// consumer that parks after every drain. Nothing else is traced: a wake-up that is lost leaves all
/// waiting for the net, which is 20 s long here and is told.
private func expectEveryWakeUp(forks wanted: Int) throws {
  let requests = try makePipe()
  defer { closeDescriptor(requests.read) }
  let forker = try ChildProcess(
    try BuildFolder.program("workload"), ["paced"], input: .descriptor(requests.read))
  var options = CaptureOptions()
  options.filter.trees = [forker.pid]
  var session = try CaptureSession.open(options)
  try session.attach()
  try session.begin()
  var pace = Waiter.Pace()
  pace.spinLimit = 1
  pace.nap = 0
  pace.longestSleep = 20_000_000_000
  var waiter = Waiter(.park, pace: pace)
  var (requested, forks, exits, others) = (1, 0, 0, 0)
  writeAll(requests.write, ".")
  while exits < wanted, waiter.figures.lateWakeUps == 0 {
    let count = try session.consumer.drain { record throws(Never) in
      switch record.header.kind {
      case EventKind.fork.rawValue: forks += 1
      case EventKind.exit.rawValue: exits += 1
      default: others += 1
      }
    }
    if count == 0 {
      _ = waiter.wait(
        &session.consumer, doorbell: session.doorbell, interrupt: -1, deadline: nil)
      continue
    }
    waiter.progressed(session.consumer)
    if exits == requested, requested < wanted {
      requested += 1
      writeAll(requests.write, ".")
    }
  }
  closeDescriptor(requests.write)
  session.end()
  let status = try forker.wait()
  let figures = try session.figures()
  let waits = waiter.figures
  print(
    "waking: \(forks) forks and \(exits) exits, \(waits.parks) parks, \(waits.secondLooks) second"
      + " looks that found a record, \(waits.lateWakeUps) wake-ups lost")
  #expect(waits.lateWakeUps == 0)
  #expect(forks == wanted && exits == wanted && others == 0 && status == 0)
  #expect(figures.lost == 0 && figures.missedTotal == 0)
  // It did sleep, and was woken by the bell alone.
  #expect(waits.parks > UInt64(wanted / 100) && waits.naps == 0)
}
