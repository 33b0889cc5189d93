/// `${NAME}` in the values of a lab file, from an environment that was handed in.
///
/// `${NAME:-text}` stands for the text where the variable is unset or empty; `$${` is a `${` that is left alone; any other `$`
/// is just a dollar. Keys, image recipes and what is substituted are never looked at.
struct Substitution {
    let environment: [String: String]

    /// The same tree with every value substituted.
    func applied(to node: Node, _ findings: inout Findings) -> Node {
        switch node.content {
        case .scalar(let text, let isPlain):
            guard text.contains("${") else { return node }
            guard let text = substituted(text, in: node.mark, &findings) else { return Node(mark: node.mark, content: .unknown) }
            // Between braces YAML wants quotes around `${NAME}`, so they do not say that a number is meant as text.
            return Node(mark: node.mark, content: .scalar(text, isPlain: isPlain || !text.isEmpty))
        case .unknown: return node
        case .list(let nodes): return Node(mark: node.mark, content: .list(nodes.map { applied(to: $0, &findings) }))
        case .mapping(let entries):
            let values = entries.map { Node.Entry(key: $0.key, keyMark: $0.keyMark, value: applied(to: $0.value, &findings)) }
            return Node(mark: node.mark, content: .mapping(values))
        }
    }

    /// `nil` after adding what is wrong to the findings; each variable that is not set is one of them.
    private func substituted(_ text: String, in mark: Mark, _ findings: inout Findings) -> String? {
        var result = ""
        var isWhole = true
        var rest = text.unicodeScalars[...]
        while let first = rest.first {
            if rest.starts(with: "$${".unicodeScalars) {
                result += "${"
                rest = rest.dropFirst(3)
            } else if rest.starts(with: "${".unicodeScalars) {
                let written = String(String.UnicodeScalarView(rest.prefix { $0 != "}" }))
                guard written.unicodeScalars.count < rest.count else {
                    findings.add(
                        place(of: written, in: mark, findings), "`${` has no `}` after it; write `$${` for the characters themselves")
                    return nil
                }
                rest = rest.dropFirst(written.unicodeScalars.count + 1)
                let place = place(of: written + "}", in: mark, findings)
                if let value = value(of: String(written.dropFirst(2)), at: place, &findings) { result += value } else { isWhole = false }
            } else {
                result.unicodeScalars.append(first)
                rest = rest.dropFirst()
            }
            if result.utf8.count > Limits.scalar {
                findings.add(mark, "this text has more than \(Limits.scalar) bytes once its variables are put in")
                return nil
            }
        }
        return isWhole ? result : nil
    }

    /// - Parameter expression: what stands between the braces.
    private func value(of expression: String, at mark: Mark, _ findings: inout Findings) -> String? {
        let separator = expression.range(of: ":-")
        let name = separator.map { String(expression[..<$0.lowerBound]) } ?? expression
        let isName =
            !name.isEmpty
            && name.utf8.allSatisfy { $0 == 0x5F || $0 >= 0x30 && $0 <= 0x39 || $0 >= 0x41 && $0 <= 0x5A || $0 >= 0x61 && $0 <= 0x7A }
            && !(name.utf8.first.map { $0 >= 0x30 && $0 <= 0x39 } ?? true)
        if expression.isEmpty || expression.range(of: "${") != nil {
            findings.add(mark, "`${` wants the name of a variable, and no other variable in it; write `$${` for the characters themselves")
            return nil
        }
        guard isName else {
            findings.add(mark, "\(quoted(name)) is not the name of a variable; write `$${` for the characters themselves")
            return nil
        }
        if let value = environment[name], !(value.isEmpty && separator != nil) { return value }
        if let separator { return String(expression[separator.upperBound...]) }
        findings.add(mark, "variable \(quoted(name)) is not set", near: name, among: environment.keys.sorted())
        return nil
    }

    /// Where the words stand in the line that the text begins in; where the text begins if they are not there as written.
    private func place(of words: String, in mark: Mark, _ findings: Findings) -> Mark {
        let line = Array(findings.sources[mark.source].line(mark.line).unicodeScalars)
        let wanted = Array(words.unicodeScalars)
        var start = max(0, mark.column - 1)
        while start + wanted.count <= line.count {
            if line[start..<(start + wanted.count)].elementsEqual(wanted) {
                return Mark(source: mark.source, line: mark.line, column: start + 1, length: wanted.count)
            }
            start += 1
        }
        return mark
    }
}

extension String {
    /// Where a short text stands first; the standard library alone has no search.
    fileprivate func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
