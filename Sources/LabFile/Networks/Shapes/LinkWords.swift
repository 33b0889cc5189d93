package import LabModel

extension LinkShapeChange {
    /// Reads `delay=40ms`, `loss=0.5%` and so on: the keys and values of a lab file's `link`, one a word, as a command has them.
    package init(words: [String]) throws(Diagnostics) {
        var findings = Findings()
        // A line break in an argument would shift the lines that marks count.
        let lines = words.map { word in String(word.map { $0.isNewline ? " " : $0 }) }
        let source = findings.add(Source(name: "link", bytes: Array(lines.joined(separator: "\n").utf8)))
        let entries = lines.enumerated().compactMap { index, line -> Node.Entry? in
            let mark = Mark(source: source, line: index + 1, column: 1, length: line.unicodeScalars.count)
            guard let equals = line.firstIndex(of: "=") else {
                findings.add(mark, "\(quoted(line)) is no `key=value` such as `delay=40ms`, nor `up`, `down`, `clear` or `reset`")
                return nil
            }
            let value = String(line[line.index(after: equals)...])
            return Node.Entry(
                key: String(line[..<equals]), keyMark: mark, value: Node(mark: mark, content: .scalar(value, isPlain: true)))
        }
        let place = Mark(source: source, line: 1, column: 1)
        let node = Node(mark: place, content: .mapping(entries))
        let draft = Table<LinkDraft>.link.read(node, Place(name: "the link", mark: place), into: LinkDraft(), &findings)
        guard let draft, findings.isEmpty else { throw findings.diagnostics }
        self.init()
        delayMicroseconds = draft.delay.value
        jitterMicroseconds = draft.jitter.value
        bitsPerSecond = draft.rate.value
        lossPPM = draft.loss.value.map { UInt32(clamping: $0) }
        reorderPPM = draft.reorder.value.map { UInt32(clamping: $0) }
        duplicatePPM = draft.duplicate.value.map { UInt32(clamping: $0) }
        corruptPPM = draft.corrupt.value.map { UInt32(clamping: $0) }
    }
}
