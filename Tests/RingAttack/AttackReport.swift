import Foundation

/// What a consumer under attack found, as it tells the test that started it.
public struct AttackReport: Codable, Sendable {
  /// The judge's findings.
  public var problems: [String] = []
  public var problemCount = 0
  public var records: UInt64 = 0
  public var events: UInt64 = 0
  public var taskEvents: UInt64 = 0
  public var settled: UInt64 = 0
  public var nested: UInt64 = 0
  public var gaps: UInt64 = 0
  public var tightGaps: UInt64 = 0
  public var looseGaps: UInt64 = 0
  public var residual: UInt64 = 0
  /// Slots claimed over the ring's capacity.
  public var laps: UInt64 = 0
  /// By CPU, as the attacking programs counted.
  public var attempts: [UInt64] = []
  /// Attempts of softirqs and timers that began while their CPU held a slot.
  public var insideSlot: UInt64 = 0
  /// Figures of the ring.
  public var offered: UInt64 = 0
  public var delivered: UInt64 = 0
  public var lost: UInt64 = 0
  public var processes: UInt64 = 0
  public var missed: UInt64 = 0
  public var longestStall: UInt64 = 0
  public var longestStallCPU: UInt32?
  /// How the ring itself ended; nil if well.
  public var failure: String?

  /// Zeros.
  public init() {}

  /// Reads the last line of a file that a consumer wrote.
  public init(file: String) throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: file))
    self = try JSONDecoder().decode(AttackReport.self, from: data)
  }

  /// One line of JSON.
  public var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    guard let data = try? encoder.encode(self) else { return "{}" }
    return String(decoding: data, as: UTF8.self)
  }
}
