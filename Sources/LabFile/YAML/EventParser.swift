import CYAML

/// libyaml's event stream over bytes that `TextFault` has found to be clean.
///
/// Safe because its pointers are its own and never leave it.
@safe struct EventParser: ~Copyable {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    /// libyaml reads from it as long as the parser lives.
    private let input: UnsafeMutableBufferPointer<UInt8>

    struct Event {
        var kind: Kind
        /// From 0, as libyaml counts.
        var start: Position
        var end: Position
    }

    struct Position {
        var line: Int
        var column: Int
    }

    enum Kind {
        /// Start or end of stream or document start: nothing of its own.
        case frame
        case documentStart
        case end
        case alias(String)
        case scalar(String, isPlain: Bool, Properties)
        case listStart(Properties)
        case listEnd
        case mappingStart(Properties)
        case mappingEnd
    }

    struct Properties {
        var anchor: String?
        var tag: String?
    }

    /// What libyaml says is wrong, and where.
    struct Failure: Error {
        var problem: String
        var position: Position
        /// What was being read when it went wrong, and where that began.
        var context: String?
        var contextPosition: Position
    }

    init(_ bytes: [UInt8]) throws(Failure) {
        let nowhere = Position(line: 0, column: 0)
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        // Safe because the memory was just allocated for exactly one parser; libyaml zeroes and fills it.
        guard unsafe yaml_parser_initialize(parser) == 1 else {
            unsafe parser.deallocate()
            throw Failure(problem: "out of memory", position: nowhere, context: nil, contextPosition: nowhere)
        }
        let input = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(1, bytes.count))
        // Safe because the buffer holds at least `bytes.count` bytes and outlives the parser: both go in deinit, parser first.
        _ = unsafe input.update(fromContentsOf: bytes)
        unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        unsafe yaml_parser_set_input_string(parser, input.baseAddress, bytes.count)
        unsafe self.parser = parser
        unsafe self.input = input
    }

    deinit {
        // Safe because nothing else holds these pointers.
        unsafe yaml_parser_delete(parser)
        unsafe parser.deallocate()
        unsafe input.deallocate()
    }

    mutating func next() throws(Failure) -> Event {
        var event = unsafe yaml_event_t()
        // Safe because parser is alive; libyaml fills the event, which is deleted after its parts were copied.
        guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw failure }
        defer { unsafe yaml_event_delete(&event) }
        return unsafe Event(
            kind: Self.kind(of: event), start: Self.position(event.start_mark), end: Self.position(event.end_mark))
    }

    private var failure: Failure {
        // Safe because libyaml's messages are constant zero-terminated strings.
        unsafe Failure(
            problem: parser.pointee.problem.map { unsafe String(cString: $0) } ?? "this is not YAML",
            position: Self.position(parser.pointee.problem_mark), context: parser.pointee.context.map { unsafe String(cString: $0) },
            contextPosition: Self.position(parser.pointee.context_mark))
    }

    /// Safe because the union's member is chosen by the event's own type.
    private static func kind(of event: yaml_event_t) -> Kind {
        switch unsafe event.type {
        case YAML_DOCUMENT_START_EVENT: return .documentStart
        case YAML_STREAM_END_EVENT: return .end
        case YAML_ALIAS_EVENT: return unsafe .alias(text(event.data.alias.anchor) ?? "")
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            // Safe because libyaml gives `length` bytes at `value`.
            let value = unsafe String(decoding: UnsafeBufferPointer(start: scalar.value, count: Int(scalar.length)), as: UTF8.self)
            let properties = unsafe Properties(anchor: text(scalar.anchor), tag: text(scalar.tag))
            return unsafe .scalar(value, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE, properties)
        case YAML_SEQUENCE_START_EVENT:
            let start = unsafe event.data.sequence_start
            return unsafe .listStart(Properties(anchor: text(start.anchor), tag: text(start.tag)))
        case YAML_SEQUENCE_END_EVENT: return .listEnd
        case YAML_MAPPING_START_EVENT:
            let start = unsafe event.data.mapping_start
            return unsafe .mappingStart(Properties(anchor: text(start.anchor), tag: text(start.tag)))
        case YAML_MAPPING_END_EVENT: return .mappingEnd
        default: return .frame
        }
    }

    /// Safe because anchors and tags are zero-terminated.
    private static func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        unsafe pointer.map { unsafe String(cString: $0) }
    }

    private static func position(_ mark: yaml_mark_t) -> Position {
        Position(line: Int(clamping: mark.line), column: Int(clamping: mark.column))
    }
}
