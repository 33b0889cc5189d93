/// A model and the switches of one machine, as a lab file or a command line asks for them.
package struct CPUChoice: Hashable, Sendable {
    package var model: CPUModel
    /// Features by name: on or off, each once.
    package var switches: [(name: String, isOn: Bool)] {
        get { pairs.map { ($0.name, $0.isOn) } }
        set { pairs = newValue.map { Pair(name: $0.name, isOn: $0.isOn) } }
    }

    private struct Pair: Hashable, Sendable {
        var name: String
        var isOn: Bool
    }
    private var pairs: [Pair] = []

    package init(model: CPUModel = .host, switches: [(name: String, isOn: Bool)] = []) {
        self.model = model
        self.switches = switches
    }

    var on: Set<String> { Set(pairs.filter(\.isOn).map(\.name)) }
    var off: Set<String> { Set(pairs.filter { !$0.isOn }.map(\.name)) }

    /// A feature that is wanted and one that it cannot be without, which is not wanted.
    package var contradiction: (on: String, off: String)? {
        for pair in pairs where pair.isOn {
            let needs = CPUFeature.closure(needing: [pair.name])
            if let off = pairs.first(where: { !$0.isOn && needs.contains($0.name) }) { return (pair.name, off.name) }
        }
        return nil
    }

    /// What is wrong with a text that should be a choice.
    package struct Fault: Error, Hashable, Sendable, CustomStringConvertible {
        package var description: String
    }

    /// Reads MODEL[,FEATURE=on|off]...
    package init(_ text: String) throws(Fault) {
        let words = text.split(separator: ",", omittingEmptySubsequences: false).map { String($0) }
        guard let model = CPUModel(rawValue: words[0]) else {
            throw Fault(
                description: "there is no CPU model \"\(words[0])\"; there are \(CPUModel.allCases.map(\.rawValue).joined(separator: ", "))"
            )
        }
        self.init(model: model)
        for word in words.dropFirst() {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map { String($0) }
            guard parts.count == 2, parts[1] == "on" || parts[1] == "off" else {
                throw Fault(description: "a CPU feature is switched by NAME=on or NAME=off, not by \"\(word)\"")
            }
            if let fault = Self.fault(ofFeature: parts[0]) { throw Fault(description: fault) }
            guard !pairs.contains(where: { $0.name == parts[0] }) else {
                throw Fault(description: "CPU feature \(parts[0]) is switched twice")
            }
            pairs.append(Pair(name: parts[0], isOn: parts[1] == "on"))
        }
        if let (on, off) = contradiction { throw Fault(description: "CPU feature \(on) cannot be on without \(off), which is off") }
    }

    /// Why a feature of that name cannot be switched; nil if it can.
    package static func fault(ofFeature name: String) -> String? {
        guard let feature = CPUFeature.named(name) else {
            let meant = CPUFeature.name(from: name).map { "; did you mean \($0)?" } ?? ""
            return "there is no CPU feature \"\(name)\"" + meant
        }
        return feature.isEssential ? "CPU feature \(name) is part of every machine's processor and cannot be switched" : nil
    }
}
