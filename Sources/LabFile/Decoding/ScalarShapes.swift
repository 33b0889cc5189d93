import LabModel

// Text, numbers and quantities. The key decides the type: `no`, `1:30` and `0o17` are text where text is wanted, and never
// anything else than what the shape says.

extension Node {
    /// The text of a scalar that is not left empty.
    func word(_ place: Place, wants: String, _ findings: inout Findings) -> (text: String, isPlain: Bool)? {
        guard case .scalar(let text, let isPlain) = content, !(text.isEmpty && isPlain) else {
            findings.add(mark, "\(place.name) wants \(wants), not \(kindName)")
            return nil
        }
        return (text, isPlain)
    }
}

extension Shape<String> {
    /// Text of at most so many bytes; on one line unless said otherwise, and never with control characters.
    static func text(_ wants: String = "text", atMost limit: Int = 4096, lines: Bool = false, mayBeEmpty: Bool = true) -> Shape {
        var members: [JSON.Member] = []
        if limit < Limits.scalar { members.append(.init("maxLength", .number(Int64(limit)))) }
        if !mayBeEmpty { members.append(.init("minLength", .number(1))) }
        return Shape(.scalar("string", members)) { node, place, findings in
            guard let (text, _) = node.word(place, wants: wants, &findings) else { return nil }
            if text.isEmpty, !mayBeEmpty {
                findings.add(node.mark, "\(place.name) cannot be empty")
                return nil
            }
            if text.utf8.count > limit {
                findings.add(node.mark, "\(place.name) has \(text.utf8.count) bytes; the most is \(limit)")
                return nil
            }
            for scalar in text.unicodeScalars where scalar.value < 0x20 || scalar.value == 0x7F {
                if lines, scalar == "\n" || scalar == "\t" || (scalar.value != 0 && scalar.value != 0x7F) { continue }
                if scalar == "\n" {
                    findings.add(node.mark, "\(place.name) wants a single line")
                    return nil
                }
                findings.add(node.mark, "\(place.name) cannot hold control character U+\(String(scalar.value, radix: 16, uppercase: true))")
                return nil
            }
            return text
        }
    }

    /// Text that a rule has to accept; the rule says what is wrong, or `nil`.
    static func text(_ wants: String, pattern: String? = nil, fault: @escaping @Sendable (String) -> String?) -> Shape {
        let plain = Shape.text(wants, mayBeEmpty: false)
        let schema = pattern.map { Schema.scalar("string", [.init("pattern", .text($0))]) } ?? plain.schema
        return Shape(schema) { node, place, findings in
            guard let text = plain.read(node, place, &findings) else { return nil }
            guard let fault = fault(text) else { return text }
            findings.add(node.mark, fault)
            return nil
        }
    }

    static func name(_ rule: NameRule) -> Shape {
        .text("a \(rule.kind) name", pattern: rule.pattern) { rule.fault(of: $0) }
    }
}

extension Shape<Int> {
    /// A whole decimal number.
    static func integer(_ range: ClosedRange<Int>) -> Shape {
        Shape<UInt64>.unsigned(UInt64(clamping: range.lowerBound)...UInt64(clamping: range.upperBound)).map { Int(clamping: $0) }
    }
}

extension Shape<UInt64> {
    static func unsigned(_ range: ClosedRange<UInt64>) -> Shape {
        let schema = Schema.scalar(
            "integer", [.init("minimum", .unsigned(range.lowerBound)), .init("maximum", .unsigned(range.upperBound))])
        let wants = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        return Shape(schema) { node, place, findings in
            guard let (text, isPlain) = node.word(place, wants: wants, &findings) else { return nil }
            let isCanonical = isPlain && text.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } && (text == "0" || !text.hasPrefix("0"))
            guard isCanonical, let value = UInt64(text), range.contains(value) else {
                findings.add(node.mark, "\(place.name) wants \(wants), not \(node.kindName)")
                return nil
            }
            return value
        }
    }
}

extension Shape<Bool> {
    static let flag = Shape(.scalar("boolean")) { node, place, findings in
        switch node.content {
        case .scalar("true", isPlain: true): return true
        case .scalar("false", isPlain: true): return false
        default:
            findings.add(node.mark, "\(place.name) wants `true` or `false`, not \(node.kindName)")
            return nil
        }
    }
}

/// A whole number and a unit written together: `512MiB`, `60s`.
private struct Quantity {
    enum Fault {
        case notOne
        /// A number alone.
        case bare
        case unknownUnit(String)
        case tooLarge
    }

    /// - Parameter units: each with how many of the smallest it stands for.
    static func parse(_ text: String, units: [(name: String, factor: UInt64)]) -> Result<UInt64, Reason> {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard !digits.isEmpty else { return .failure(Reason(.notOne)) }
        let rest = String(text.dropFirst(digits.count).drop { $0 == " " })
        if rest.isEmpty { return .failure(Reason(.bare)) }
        guard rest.allSatisfy({ $0.isASCII && $0.isLetter }) else { return .failure(Reason(.notOne)) }
        guard let unit = units.first(where: { $0.name == rest }), rest.count + digits.count == text.count else {
            return .failure(Reason(.unknownUnit(rest)))
        }
        guard let number = UInt64(digits) else { return .failure(Reason(.tooLarge)) }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit.factor)
        return overflow ? .failure(Reason(.tooLarge)) : .success(product)
    }

    struct Reason: Error {
        var fault: Fault

        init(_ fault: Fault) { self.fault = fault }
    }
}

extension Shape<ByteCount> {
    /// A size with its unit, in whole multiples of `step`.
    static func bytes(_ range: ClosedRange<ByteCount>, step: ByteCount, example: String) -> Shape {
        let units = ByteCount.Unit.allCases.map { ($0.rawValue, $0.bytes) }
        let words = units.map(\.0).joined(separator: "|")
        let schema = Schema.scalar("string", [.init("pattern", .text("^[0-9]+(\(words))$")), .init("examples", .texts([example]))])
        let wants = "a size with its unit such as `\(example)`"
        return Shape(schema) { node, place, findings in
            guard let (text, _) = node.word(place, wants: wants, &findings) else { return nil }
            switch Quantity.parse(text, units: units) {
            case .success(let count):
                let bytes = ByteCount(bytes: count)
                if bytes < range.lowerBound {
                    findings.add(node.mark, "\(place.name) is \(text); the least is \(range.lowerBound)")
                } else if bytes > range.upperBound {
                    findings.add(node.mark, "\(place.name) is \(text); the most is \(range.upperBound)")
                } else if count % step.bytes != 0 {
                    findings.add(node.mark, "\(place.name) is \(text), which is not a multiple of \(step)")
                } else {
                    return bytes
                }
            case .failure(let reason):
                switch reason.fault {
                case .bare: findings.add(node.mark, "\(place.name) wants a unit: \(text)MiB or \(text)GiB?")
                case .unknownUnit(let unit):
                    let digits = text.prefix { $0.isASCII && $0.isNumber }
                    let guess = ByteCount.Unit.allCases.first { $0.rawValue.lowercased().hasPrefix(unit.prefix(1).lowercased()) }
                    let hint = guess.map { "; did you mean `\(digits)\($0.rawValue)`?" } ?? "; write it as `\(example)`"
                    findings.add(node.mark, "\(place.name) has no unit that is known in \(quoted(text))" + hint)
                case .tooLarge: findings.add(node.mark, "\(place.name) is \(quoted(text)); the most is \(range.upperBound)")
                case .notOne: findings.add(node.mark, "\(place.name) wants \(wants), not \(node.kindName)")
                }
            }
            return nil
        }
    }
}

extension Shape<Milliseconds> {
    /// A span of time with its unit.
    static func duration(_ range: ClosedRange<Milliseconds>, example: String) -> Shape {
        let units = Milliseconds.Unit.allCases.map { ($0.rawValue, UInt64(clamping: $0.milliseconds)) }
        let words = units.map(\.0).joined(separator: "|")
        let schema = Schema.scalar("string", [.init("pattern", .text("^[0-9]+(\(words))$")), .init("examples", .texts([example]))])
        let wants = "a time with its unit such as `\(example)`"
        return Shape(schema) { node, place, findings in
            guard let (text, _) = node.word(place, wants: wants, &findings) else { return nil }
            switch Quantity.parse(text, units: units) {
            case .success(let count):
                let time = Milliseconds(Int(clamping: count))
                if range.contains(time) { return time }
                findings.add(node.mark, "\(place.name) is \(text); it can be \(range.lowerBound) to \(range.upperBound)")
            case .failure(let reason):
                switch reason.fault {
                case .bare: findings.add(node.mark, "\(place.name) wants a unit: \(text)s or \(text)min?")
                case .unknownUnit:
                    let list = Milliseconds.Unit.allCases.map { quoted($0.rawValue) }.joined(separator: ", ")
                    findings.add(node.mark, "\(place.name) has no unit that is known in \(quoted(text)); the units are \(list)")
                case .tooLarge: findings.add(node.mark, "\(place.name) is \(quoted(text)); the most is \(range.upperBound)")
                case .notOne: findings.add(node.mark, "\(place.name) wants \(wants), not \(node.kindName)")
                }
            }
            return nil
        }
    }
}
