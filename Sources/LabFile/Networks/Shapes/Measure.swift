import LabModel

/// A number with its unit, decimals allowed: `40ms`, `1.5Mbit`, `0.5%`.
struct Measure: Sendable {
    /// `a time with its unit such as`
    let wants: String
    let example: String
    /// Smallest first, each with how many of the smallest it stands for.
    let units: [(name: String, factor: UInt64)]
    /// The units that a bare number is asked about.
    let usual: [String]
    let range: ClosedRange<UInt64>
    /// What 1 stands for, and the range's ends, as a person writes them.
    let finest: String
    let least: String
    let most: String

    private enum Number {
        case notOne
        case bare
        case unit(String)
        /// The unit is known, and the value not a multiple of the smallest one.
        case tooFine
        case tooLarge
        case value(UInt64)
    }

    private func parse(_ text: String) -> Number {
        let number = text.prefix { $0.isASCII && $0.isNumber || $0 == "." }
        let parts = number.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty }) else { return .notOne }
        let unit = String(text.dropFirst(number.count))
        if unit.isEmpty { return .bare }
        guard let factor = units.first(where: { $0.name == unit })?.factor else {
            return unit.utf8.count <= 16 && unit.allSatisfy { $0.isASCII && $0 != "." } ? .unit(unit) : .notOne
        }
        guard let whole = UInt64(parts[0]) else { return .tooLarge }
        let (product, overflow) = whole.multipliedReportingOverflow(by: factor)
        if overflow { return .tooLarge }
        guard parts.count == 2 else { return .value(product) }
        // Zeros at the end say nothing.
        var decimals = parts[1]
        while decimals.last == "0" { decimals.removeLast() }
        var rest: UInt64 = 0
        var scale = factor
        for digit in decimals {
            guard scale % 10 == 0, let digit = digit.wholeNumberValue.flatMap(UInt64.init(exactly:)) else { return .tooFine }
            scale /= 10
            rest += digit * scale
        }
        let (sum, carry) = product.addingReportingOverflow(rest)
        return carry ? .tooLarge : .value(sum)
    }

    var shape: Shape<UInt64> {
        let words = units.map(\.name).joined(separator: "|")
        let schema = Schema.scalar(
            "string", [.init("pattern", .text("^[0-9]+(\\.[0-9]+)?(\(words))$")), .init("examples", .texts([example]))])
        return Shape(schema) { node, place, findings in
            guard let (text, _) = node.word(place, wants: "\(wants) \(quoted(example))", &findings) else { return nil }
            switch parse(text) {
            case .value(let value) where range.contains(value): return value
            case .value(let value):
                findings.add(
                    node.mark, "\(place.name) is \(text); the \(value < range.lowerBound ? "least is \(least)" : "most is \(most)")")
            case .tooLarge: findings.add(node.mark, "\(place.name) is \(quoted(text)); the most is \(most)")
            case .tooFine: findings.add(node.mark, "\(place.name) is \(quoted(text)), which is not a multiple of \(finest)")
            case .bare: findings.add(node.mark, "\(place.name) wants a unit: \(usual.map { text + $0 }.joined(separator: " or "))?")
            case .unit(let unit):
                findings.add(node.mark, "\(place.name) has no unit that is known in \(quoted(text))\(hint(text, unit))")
            case .notOne: findings.add(node.mark, "\(place.name) wants \(wants) \(quoted(example)), not \(node.kindName)")
            }
            return nil
        }
    }

    /// Units differ from what people write in capitals, spaces and endings.
    private func hint(_ text: String, _ written: String) -> String {
        let word = String(written.lowercased().drop { $0 == " " })
        let near =
            units.last { unit in word.hasPrefix(unit.name.lowercased()) }
            ?? units.last { $0.name.count > 2 && $0.name.lowercased().first == word.first }
        let number = text.dropLast(written.count)
        if let near { return "; did you mean \(quoted(number + near.name))?" }
        return "; the units are \(units.map { quoted($0.name) }.joined(separator: ", "))"
    }
}

extension Shape<UInt64> {
    /// Microseconds. What is on its way is held in memory, so not for ever.
    static let delay = Measure(
        wants: "a time with its unit such as", example: "40ms", units: [("us", 1), ("ms", 1000), ("s", 1_000_000)], usual: ["ms", "us"],
        range: 0...10_000_000, finest: "1us", least: "0us", most: "10s"
    ).shape

    /// Bits a second. At the least, one large frame takes a second and a half.
    static let rate = Measure(
        wants: "a rate with its unit such as", example: "20Mbit",
        units: [("bit", 1), ("kbit", 1000), ("Mbit", 1_000_000), ("Gbit", 1_000_000_000)], usual: ["Mbit", "kbit"],
        range: 8000...100_000_000_000, finest: "1bit", least: "8kbit", most: "100Gbit"
    ).shape

    /// Parts in a million.
    static let share = Measure(
        wants: "a share in percent such as", example: "0.5%", units: [("%", 10_000)], usual: ["%"], range: 0...1_000_000, finest: "0.0001%",
        least: "0%",
        most: "100%"
    ).shape
}
