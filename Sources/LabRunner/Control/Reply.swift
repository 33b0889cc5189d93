package import LabModel

/// What a keeper says: one JSON object on one line.
///
///     {"event":{"at":"2026-11-23T10:00:00.123Z","event":"machine-ready","machine":"web","seq":12},"reply":"event"}
///     {"reply":"result","result":{"code":0,"message":"lab shop is up"}}
package enum Reply: Hashable, Sendable {
    case status(LabStatus)
    case event(LabEvent)
    /// Raw bytes follow.
    case console(stream: String)
    /// What a machine's display shows.
    case display(DisplayedText)
    /// The end of an answer.
    case result(Outcome)
}

/// The characters on a machine's display.
package struct DisplayedText: Hashable, Sendable, Codable {
    /// From the top, without the blanks at their ends; none in a graphics mode.
    package var rows: [String]
    /// The cursor's place, from 0.
    package var row: Int
    package var column: Int

    package init(rows: [String], row: Int, column: Int) {
        self.rows = rows
        self.row = row
        self.column = column
    }

    package var isBlank: Bool { rows.allSatisfy(\.isEmpty) }
}

/// How a request ended.
package struct Outcome: Hashable, Sendable, Codable {
    /// An `ExitCode`, or the signal's number + 128.
    package var code: Int32
    /// One line for people.
    package var message: String
    /// What to do next, where there is something.
    package var hint: String?
    /// True when the keeper ends now and leaves it to whoever asked to undo what it wrote down.
    package var leaving: Bool?

    package var leaves: Bool { leaving ?? false }

    package init(_ code: ExitCode, _ message: String, hint: String? = nil) {
        self.code = code.rawValue
        self.message = message
        self.hint = hint
    }

    package var exitCode: ExitCode { ExitCode(rawValue: code) ?? .bug }
}

extension Reply: Codable {
    private enum Kind: String, Codable { case status, event, console, display, result }
    private enum Key: String, CodingKey { case reply, status, event, stream, display, result }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        switch try fields.decode(Kind.self, forKey: .reply) {
        case .status: self = .status(try fields.decode(LabStatus.self, forKey: .status))
        case .event: self = .event(try fields.decode(LabEvent.self, forKey: .event))
        case .console: self = .console(stream: try fields.decode(String.self, forKey: .stream))
        case .display: self = .display(try fields.decode(DisplayedText.self, forKey: .display))
        case .result: self = .result(try fields.decode(Outcome.self, forKey: .result))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Key.self)
        switch self {
        case .status(let status):
            try fields.encode(Kind.status, forKey: .reply)
            try fields.encode(status, forKey: .status)
        case .event(let event):
            try fields.encode(Kind.event, forKey: .reply)
            try fields.encode(event, forKey: .event)
        case .console(let stream):
            try fields.encode(Kind.console, forKey: .reply)
            try fields.encode(stream, forKey: .stream)
        case .display(let display):
            try fields.encode(Kind.display, forKey: .reply)
            try fields.encode(display, forKey: .display)
        case .result(let outcome):
            try fields.encode(Kind.result, forKey: .reply)
            try fields.encode(outcome, forKey: .result)
        }
    }
}
