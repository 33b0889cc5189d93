/// Waits for a text in a console stream, whatever pieces it arrives in and whatever colours it wears.
///
/// Knuth, Morris and Pratt's automaton over the text that `EscapeFilter` lets through: constant work for each byte and
/// no memory of the stream.
package struct PatternWatch: Sendable {
    private let pattern: [UInt8]
    /// `fallback[n]`: the longest proper border of the first n + 1 bytes of the pattern.
    private let fallback: [Int]
    private var matched = 0
    private var filter = EscapeFilter()

    /// An empty pattern is found at the first byte of text.
    package init(_ text: String) {
        pattern = Array(text.utf8)
        var table = [Int](repeating: 0, count: pattern.count)
        var length = 0
        for index in pattern.indices.dropFirst() {
            while length > 0 && pattern[index] != pattern[length] { length = table[length - 1] }
            if pattern[index] == pattern[length] { length += 1 }
            table[index] = length
        }
        fallback = table
    }

    /// True when the pattern ends within these bytes.
    package mutating func found(in bytes: some Sequence<UInt8>) -> Bool {
        let text = filter.text(of: bytes)
        guard !pattern.isEmpty else { return !text.isEmpty }
        for byte in text {
            while matched > 0 && pattern[matched] != byte { matched = fallback[matched - 1] }
            if pattern[matched] == byte { matched += 1 }
            if matched == pattern.count {
                matched = 0
                return true
            }
        }
        return false
    }
}
