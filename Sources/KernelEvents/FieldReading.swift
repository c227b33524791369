import SequencerABI

/// Reading a payload by its layout's table; the payload's length has been checked against the layout.
extension RawSpan {
  /// The number that a field holds, zero-extended.
  package func number(_ field: EventField) -> UInt64 {
    switch field.width {
    case 1: UInt64(value(at: field.offset, as: UInt8.self))
    case 2: UInt64(value(at: field.offset, as: UInt16.self))
    case 4: UInt64(value(at: field.offset, as: UInt32.self))
    default: value(at: field.offset, as: UInt64.self)
    }
  }

  /// The number that a field holds, sign-extended.
  package func signedNumber(_ field: EventField) -> Int64 {
    switch field.width {
    case 1: Int64(value(at: field.offset, as: Int8.self))
    case 2: Int64(value(at: field.offset, as: Int16.self))
    case 4: Int64(value(at: field.offset, as: Int32.self))
    default: value(at: field.offset, as: Int64.self)
    }
  }

  /// The kernel's name of a task at `offset`, without its NUL.
  @_lifetime(copy self)
  package func comm(at offset: Int) -> RawSpan {
    extracting(offset..<offset + 16).upToNUL
  }

  /// Whether a field's condition holds.
  package func holds(_ condition: FieldCondition) -> Bool {
    switch condition {
    case .codeTellsSender(let signal, let code, let information):
      isKept(information)
        && SignalCode.tellsSender(
          value(at: code, as: Int32.self), signal: value(at: signal, as: UInt16.self))
    case .codeTellsAddress(let signal, let code, let information):
      isKept(information)
        && SignalCode.tellsAddress(
          value(at: code, as: Int32.self), signal: value(at: signal, as: UInt16.self))
    case .bits(let bits, let offset): value(at: offset, as: UInt16.self) & bits == bits
    case .equal(let offset, let number): value(at: offset, as: UInt16.self) == number
    }
  }

  /// Whether a signal's information is there: by the two bytes at the offset, or in any case.
  package func isKept(_ information: Int?) -> Bool {
    information.map { value(at: $0, as: UInt16.self) != 0 } ?? true
  }
}
