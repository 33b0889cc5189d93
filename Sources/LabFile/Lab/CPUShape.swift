internal import LabModel
internal import Processor

/// What is written about a machine's processor.
struct CPUDraft: Sendable {
    var model = Written<CPUModel>.absent
    var features = Written<[Hardware.Switch]>.absent

    var cpu: Hardware.CPU { Hardware.CPU(model: (model.value ?? .host).rawValue, switches: features.value ?? []) }
}

extension Table<CPUDraft> {
    static let cpu = Table(
        "A model and what differs from it.",
        [
            Field("model", .choice(), into: \.model, "`host` if not given; `vmlab doctor` says what this host can give."),
            Field("features", .features, into: \.features, "Features by their names in Linux's /proc/cpuinfo: `avx: off`."),
        ])
}

extension Shape<CPUDraft> {
    /// A model's name, or a mapping that says more.
    static let cpu: Shape = {
        let model = Shape<CPUModel>.choice()
        let table = Table<CPUDraft>.cpu
        return Shape(Schema([.init("anyOf", .list([model.schema.json, table.schema.json]))])) { node, place, findings in
            if case .scalar(let text, _) = node.content, !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
                findings.add(node.mark, "\(place.name) says which processor, such as `baseline`; `cpus: \(text)` says how many")
                return nil
            }
            if case .mapping = node.content { return table.read(node, place, into: CPUDraft(), &findings) }
            return model.read(node, place, &findings).map { CPUDraft(model: .value($0, node.mark)) }
        }
    }()
}

extension Shape<[Hardware.Switch]> {
    private enum Word: String, CaseIterable, Sendable { case on, off }

    static let features: Shape = {
        let word = Shape<Word>.choice()
        let names = CPUFeature.all.filter { !$0.isEssential }.map(\.name)
        let schema = Schema([
            .init("type", .text("object")), .init("propertyNames", .object([.init("enum", .texts(names))])),
            .init("additionalProperties", word.schema.json),
        ])
        return Shape(schema) { node, place, findings in
            guard case .mapping(let entries) = node.content else {
                findings.add(node.mark, "\(place.name) wants a mapping such as `{avx: off}`, not \(node.kindName)")
                return nil
            }
            var switches: [(name: String, isOn: Bool, mark: Mark)] = []
            for entry in entries {
                guard CPUFeature.named(entry.key) != nil else {
                    let message = "there is no CPU feature \(quoted(entry.key))"
                    if let name = CPUFeature.name(from: entry.key) {
                        findings.add(entry.keyMark, "\(message); did you mean \(quoted(name))?")
                    } else {
                        findings.add(entry.keyMark, message, near: entry.key, among: names)
                    }
                    continue
                }
                if let fault = CPUChoice.fault(ofFeature: entry.key) {
                    findings.add(entry.keyMark, fault)
                } else if let word = word.read(entry.value, Place(name: quoted(entry.key), mark: entry.keyMark), &findings) {
                    switches.append((entry.key, word == .on, entry.keyMark))
                }
            }
            let choice = CPUChoice(switches: switches.map { ($0.name, $0.isOn) })
            if let (on, off) = choice.contradiction, let mark = switches.first(where: { $0.name == on })?.mark {
                findings.add(mark, "CPU feature \(quoted(on)) cannot be on without \(quoted(off)), which is off")
            }
            return switches.map { Hardware.Switch(feature: $0.name, isOn: $0.isOn) }
        }
    }()
}
