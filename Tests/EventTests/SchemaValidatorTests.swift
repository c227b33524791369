import JSONSchemaValidation
import TestSupport
import Testing

@Suite("The schema validator and the JSON reader the tests lean on")
struct SchemaValidatorTests {
  @Test(
    "texts that are not JSON are refused",
    arguments: [
      "", "{", "{}x", "[1,]", "{\"a\":1,}", "{\"a\":1,\"a\":2}", "01", "1.", ".5", "+1", "1e",
      "nul", "\"\\x\"", "\"\\ud800\"", "\"\\udc00\"", "\"\u{1}\"", "\"", "{a:1}", "'a'", "--1",
    ])
  func refused(text: String) {
    #expect(throws: JSONValue.ParseError.self) { try JSONValue(parsing: text) }
  }

  @Test("bytes that are not UTF-8 are refused")
  func badUTF8() {
    #expect(throws: JSONValue.ParseError.self) { try JSONValue(parsing: [0x22, 0xFF, 0x22]) }
  }

  @Test("values are read")
  func values() throws {
    let text = #" {"a":[1,-2,1.5,true,null,18446744073709551615],"b":"\u0041\ud83d\ude00\n"} "#
    let value = try JSONValue(parsing: text)
    #expect(
      value["a"]
        == .array([
          .integer(1), .integer(-2), .number(1.5), .bool(true), .null,
          .integer(18_446_744_073_709_551_615),
        ]))
    #expect(value["b"]?.string == "A😀\n")
  }

  static let schema = """
    {"type":"object","required":["t"],"additionalProperties":false,
     "properties":{"t":{"enum":["x","y"]},"n":{"type":["integer","null"],"minimum":1,"maximum":5},
       "s":{"$ref":"#/$defs/hex"},"l":{"type":"array","items":{"anyOf":[{"type":"null"},
       {"const":3}]},"minItems":1},"o":{"oneOf":[{"const":1},{"type":"integer","minimum":1}]}},
     "if":{"properties":{"t":{"const":"y"}}},"then":{"required":["n"]},
     "$defs":{"hex":{"type":"string","pattern":"^0x[0-9a-f]+$"}}}
    """

  @Test(
    "each keyword accepts and refuses",
    arguments: [
      (#"{"t":"x"}"#, true), (#"{"t":"z"}"#, false), (#"{}"#, false), (#"[]"#, false),
      (#"{"t":"x","u":1}"#, false), (#"{"t":"y"}"#, false), (#"{"t":"y","n":1}"#, true),
      (#"{"t":"x","n":0}"#, false), (#"{"t":"x","n":6}"#, false), (#"{"t":"x","n":null}"#, true),
      (#"{"t":"x","n":true}"#, false), (#"{"t":"x","n":1.5}"#, false),
      (#"{"t":"x","s":"0x1f"}"#, true), (#"{"t":"x","s":"1f"}"#, false),
      (#"{"t":"x","l":[3,null]}"#, true), (#"{"t":"x","l":[4]}"#, false),
      (#"{"t":"x","l":[]}"#, false), (#"{"t":"x","o":1}"#, false), (#"{"t":"x","o":2}"#, true),
    ])
  func keywords(text: String, isValid: Bool) throws {
    let validator = try SchemaValidator(schema: JSONValue(parsing: Self.schema))
    let problems = validator.problems(in: try JSONValue(parsing: text))
    #expect(problems.isEmpty == isValid, "\(problems)")
  }

  @Test("a keyword that isn't supported is refused")
  func unknownKeyword() throws {
    #expect(throws: SchemaValidator.SchemaError.self) {
      try SchemaValidator(schema: JSONValue(parsing: #"{"items":{"uniqueItems":true}}"#))
    }
  }
}
