/// Did-you-mean: the known name that a mistyped one was probably meant to be.
package enum Suggestion {
    /// Longer words are not typing mistakes of each other, and comparing them costs the product of their lengths.
    private static let longest = 64

    /// The nearest name with at most two mistakes, and with at most one for each two letters; the first of equals.
    package static func nearest(to word: String, among names: [String]) -> String? {
        let typed = Array(word.lowercased().unicodeScalars)
        guard !typed.isEmpty, typed.count <= longest else { return nil }
        var best: (name: String, distance: Int)?
        for name in names where name != word {
            let known = Array(name.lowercased().unicodeScalars)
            guard known.count <= longest, abs(known.count - typed.count) <= 2 else { continue }
            let distance = distance(typed, known)
            guard distance <= 2, distance * 2 <= max(known.count, typed.count) else { continue }
            if best.map({ distance < $0.distance }) ?? true { best = (name, distance) }
        }
        return best?.name
    }

    /// Letters added, dropped, replaced, or swapped with their neighbour; 3 if there are more than two.
    static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
        let tooFar = 3
        guard abs(left.count - right.count) < tooFar else { return tooFar }
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for i in 1..<(left.count + 1) {
            var row = Array(repeating: tooFar, count: right.count + 1)
            row[0] = min(i, tooFar)
            // Further from the diagonal than this, there are too many letters added or dropped already.
            let first = max(1, i - tooFar)
            let final = min(right.count, i + tooFar)
            for j in stride(from: first, through: final, by: 1) {
                let same = left[i - 1] == right[j - 1]
                row[j] = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1), tooFar)
                if i > 1, j > 1, left[i - 1] == right[j - 2], left[i - 2] == right[j - 1] {
                    row[j] = min(row[j], beforeLast[j - 2] + 1)
                }
            }
            (beforeLast, last) = (last, row)
        }
        return min(last[right.count], tooFar)
    }
}
