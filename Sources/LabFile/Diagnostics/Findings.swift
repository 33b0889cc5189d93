/// What is found wrong while reading, and the texts it is found in.
struct Findings {
    /// `Mark.source` is an index into it.
    private(set) var sources: [Source] = []
    private var found: [Finding] = []
    private var omitted = 0

    private struct Finding: Hashable {
        var mark: Mark
        var message: String
    }

    /// Kept before sorting, so that the first mistakes of a file are shown even when many were found out of order.
    private static let kept = 1000

    mutating func add(_ source: Source) -> Int {
        sources.append(source)
        return sources.count - 1
    }

    mutating func add(_ mark: Mark, _ message: String) {
        guard found.count < Findings.kept else {
            omitted += 1
            return
        }
        found.append(Finding(mark: inText(mark), message: message))
    }

    /// libyaml counts a line more at the end of a text that does not end with one; there is no place beyond the last line's end.
    private func inText(_ mark: Mark) -> Mark {
        let source = sources[mark.source]
        guard mark.line > source.lineCount else { return mark }
        return Mark(source: mark.source, line: source.lineCount, column: source.line(source.lineCount).unicodeScalars.count + 1)
    }

    /// With a did-you-mean if a known name is near the unknown one.
    mutating func add(_ mark: Mark, _ message: String, near word: String, among names: [String]) {
        if found.count < Findings.kept, let name = Suggestion.nearest(to: word, among: names) {
            add(mark, "\(message); did you mean \(quoted(name))?")
        } else {
            add(mark, message)
        }
    }

    var isEmpty: Bool { found.isEmpty }

    /// Sorted by place, each once (what an alias repeats is one mistake), the first twenty described.
    var diagnostics: Diagnostics {
        var seen: Set<Finding> = []
        let unique = found.filter { seen.insert($0).inserted }
        let sorted = unique.enumerated().sorted { left, right in
            let (a, b) = (left.element.mark, right.element.mark)
            return (a.source, a.line, a.column, left.offset) < (b.source, b.line, b.column, right.offset)
        }.map(\.element)
        let shown = sorted.prefix(Limits.diagnostics).map { finding in
            let source = sources[finding.mark.source]
            return Diagnostic(
                file: source.name, line: finding.mark.line, column: finding.mark.column,
                length: finding.mark.length, message: finding.message, sourceLine: source.line(finding.mark.line))
        }
        return Diagnostics(list: shown, omitted: omitted + sorted.count - shown.count)
    }
}
