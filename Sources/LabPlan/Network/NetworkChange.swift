import LabModel

/// What is different between two launches of a lab's networks.
struct NetworkChange {
    /// In words, for people; empty if nothing is different.
    let reasons: [String]
    /// Words that make the running process what is wanted; nil where only another process will do.
    let words: [String]?

    /// Reasons that are told one by one: enough for a person to recognise what was edited.
    private static let shown = 6

    init(from old: NetworkLaunch, to new: NetworkLaunch) {
        guard old != new else {
            reasons = []
            words = []
            return
        }
        let before = Options(old)
        let after = Options(new)
        var reasons: [String] = []
        for name in before.names where after.values[name] == nil { reasons.append("\(name) removed") }
        for name in after.names where before.values[name] == nil { reasons.append("\(name) added") }
        for name in after.names {
            if let value = before.values[name], value != after.values[name] { reasons.append("\(name) changed") }
        }
        if reasons.isEmpty { reasons = ["they are now started in another way"] }
        if reasons.count > NetworkChange.shown {
            let left = reasons.count - NetworkChange.shown
            reasons = reasons.prefix(NetworkChange.shown) + ["\(left) more"]
        }
        self.reasons = reasons
        let isLinksOnly = before.rest == after.rest && old.descriptors == new.descriptors
        words = isLinksOnly ? NetworkChange.words(from: before, to: after) : nil
    }

    private static func words(from before: Options, to after: Options) -> [String] {
        let names = after.links.map(\.name) + before.links.map(\.name).filter { name in !after.links.contains { $0.name == name } }
        return names.compactMap { name in
            let shape = after.links.first { $0.name == name }?.settings
            guard shape != before.links.first(where: { $0.name == name })?.settings else { return nil }
            guard let shape else { return "link \(name) clear" }
            let unset = LinkShape().allSettings.filter { zero in !shape.contains { $0.hasPrefix(zero.dropLast()) } }
            return "link \(name) " + (shape + unset).joined(separator: " ")
        }
    }

    /// The options of a launch by what they are about.
    private struct Options {
        /// `network lan`, `port web/lan`, `link lan`, in the order of the arguments.
        var names: [String] = []
        /// Without descriptor numbers, which shift when something else is added.
        var values: [String: [String]] = [:]
        var links: [(name: String, settings: [String])] = []
        /// Every argument that is not about links.
        var rest: [String] = []

        init(_ launch: NetworkLaunch) {
            var uplinks: [PortName: [String]] = [:]
            for descriptor in launch.descriptors {
                if case .uplink(let port, let arguments) = descriptor.kind { uplinks[port] = arguments }
            }
            var index = launch.arguments.startIndex
            while index + 1 < launch.arguments.endIndex {
                let (option, value) = (launch.arguments[index], launch.arguments[index + 1])
                index += 2
                let parts = value.split(separator: ",").map(String.init)
                guard option == "--link" else {
                    rest += [option, value]
                    if ["--network", "--port", "--uplink", "--capture", "--boot"].contains(option), let first = parts.first {
                        let subject = first.split(separator: "=").last.map(String.init) ?? first
                        let name = "\(option.dropFirst(2)) \(subject)"
                        if values[name] == nil { names.append(name) }
                        values[name, default: []] += parts.dropFirst().filter { !$0.hasPrefix("fd=") }
                        if option == "--uplink", let port = PortName(subject) { values[name]? += uplinks[port] ?? [] }
                    }
                    continue
                }
                guard let name = parts.first else { continue }
                links.append((name, Array(parts.dropFirst())))
                names.append("link \(name)")
                values["link \(name)"] = Array(parts.dropFirst())
            }
        }
    }
}
