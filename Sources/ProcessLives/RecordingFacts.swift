public import KernelEvents
public import SequencerABI

/// What is known of a recording beside its events: its reader fills it in, a heading shows it.
public struct RecordingFacts: Sendable {
  /// What the recording is called, e.g. its file's name.
  public var name = ""
  /// The machine's name.
  public var machine = ""
  /// The kernel, as `uname -sr` tells it.
  public var kernel = ""
  /// The machine's architecture, as `uname -m` tells it.
  public var architecture = ""
  /// CPUs the machine had; 0: not known.
  public var cpus = 0
  /// When recording began, ns of `CLOCK_MONOTONIC`; nil: with the first event.
  public var begin: UInt64?
  /// When recording ended, ns of `CLOCK_MONOTONIC`; nil: with the last event.
  public var end: UInt64?
  /// Turns the recording's timestamps into UTC; nil where that isn't known.
  public var clock: ClockOffset?
  /// The families that were recorded.
  public var families: [EventFamily] = [.process]
  /// The filters that were on, in words, e.g. `--uid 1000`.
  public var filters: [String] = []
  /// Events whose program the kernel skipped.
  public var missed: UInt64 = 0
  /// What is missing from the recording, a sentence each, e.g. that its end was cut off.
  public var faults: [String] = []
  /// More that may be shown, as names and values, e.g. the boot's id.
  public var details: [(name: String, value: String)] = []

  /// Facts of which none is known.
  public init() {}
}
