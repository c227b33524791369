import Sequencer

/// A way to wait, as it is measured.
enum Mode: String, CaseIterable, Codable {
  case spin
  case yield
  /// Park, woken by the doorbell each time.
  case parked
  /// Park as `--wait park` does it: short naps while a stream lasts.
  case adaptive

  func waiter(nap: Int?) -> Waiter {
    switch self {
    case .spin: return Waiter(.busySpin)
    case .yield: return Waiter(.yield)
    case .parked:
      var pace = Waiter.Pace()
      pace.nap = 0
      return Waiter(.park, pace: pace)
    case .adaptive:
      var pace = Waiter.Pace()
      if let nap { pace.nap = nap }
      return Waiter(.park, pace: pace)
    }
  }
}
