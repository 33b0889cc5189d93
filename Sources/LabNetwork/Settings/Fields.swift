/// Words that cannot be followed: which, and what was expected.
package struct SettingsError: Error, Hashable, Sendable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}

/// `name=value,name=value`: each name at most once, unless it may be repeated, and none left over.
struct Fields {
    private let option: String
    private var values: [(name: String, value: String)] = []

    /// - Parameter option: how the mistake is to be called.
    init(_ parts: [Substring], of option: String) throws(SettingsError) {
        self.option = option
        for part in parts {
            guard let sign = part.firstIndex(of: "=") else {
                throw SettingsError("\(option) takes name=value, not \"\(part.shortened)\"")
            }
            values.append((String(part[..<sign]), String(part[part.index(after: sign)...])))
        }
    }

    mutating func all(_ name: String) -> [String] {
        let found = values.filter { $0.name == name }.map(\.value)
        values.removeAll { $0.name == name }
        return found
    }

    mutating func optional(_ name: String) throws(SettingsError) -> String? {
        let found = all(name)
        guard found.count <= 1 else { throw SettingsError("\(option) names \(name) twice") }
        return found.first
    }

    mutating func value(_ name: String) throws(SettingsError) -> String {
        guard let value = try optional(name) else { throw SettingsError("\(option) needs \(name)=") }
        return value
    }

    /// A value that something must be made of.
    mutating func value<Value>(_ name: String, _ what: String, _ make: (String) -> Value?) throws(SettingsError) -> Value {
        let text = try value(name)
        guard let value = make(text) else { throw SettingsError("\(option) \(name)= takes \(what), not \"\(text.shortened)\"") }
        return value
    }

    mutating func optional<Value>(_ name: String, _ what: String, _ make: (String) -> Value?) throws(SettingsError) -> Value? {
        guard let text = try optional(name) else { return nil }
        guard let value = make(text) else { throw SettingsError("\(option) \(name)= takes \(what), not \"\(text.shortened)\"") }
        return value
    }

    func finish() throws(SettingsError) {
        if let left = values.first { throw SettingsError("\(option) does not know \"\(left.name.shortened)\"") }
    }

    /// A number of an open descriptor.
    static func descriptor(_ text: String) -> Int32? { Int32(text).flatMap { $0 >= 0 ? $0 : nil } }

    static func number(_ range: ClosedRange<UInt64>) -> (String) -> UInt64? {
        { text in UInt64(text).flatMap { range.contains($0) ? $0 : nil } }
    }
}

extension StringProtocol {
    /// For messages: what somebody wrote may be long.
    var shortened: String { String(String.UnicodeScalarView(unicodeScalars.prefix(60))) }
}
