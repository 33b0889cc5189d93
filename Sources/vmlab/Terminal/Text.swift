import LabRunner

/// Texts that people read.
enum Text {
    /// `1 machine`, `3 machines`.
    static func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

    /// What a guest, a file or a program said, without anything that a terminal would obey: one line.
    static func plain(_ text: String) -> String {
        var filter = EscapeFilter()
        let bytes = filter.text(of: text.utf8).map { $0 == 0x0A || $0 == 0x09 ? 0x20 : $0 }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// `3m`, `2h 5m`: how long since a moment that is written as in RFC 3339.
    static func age(since text: String, now: Timestamp = .now) -> String {
        guard let then = Timestamp(text) else { return "?" }
        let seconds = max(0, (now.milliseconds - then.milliseconds) / 1000)
        switch seconds {
        case ..<60: return "\(seconds)s"
        case ..<3600: return "\(seconds / 60)m \(seconds % 60)s"
        case ..<86_400: return "\(seconds / 3600)h \(seconds / 60 % 60)m"
        default: return "\(seconds / 86_400)d \(seconds / 3600 % 24)h"
        }
    }

    /// `90s`, `2m`, `500ms`: milliseconds; `nil` for anything else. A bare number has no unit and is none.
    static func milliseconds(_ text: String) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits), number <= 1_000_000_000 else { return nil }
        switch text.dropFirst(digits.count) {
        case "ms": return number
        case "s": return number * 1000
        case "m": return number * 60_000
        case "h": return number * 3_600_000
        default: return nil
        }
    }
}
