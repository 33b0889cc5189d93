extension Topology {
    /// An undirected graph for Graphviz: `vmlab graph --format dot | dot -Tpng`.
    package var dot: String {
        var lines = [
            "graph \(Self.dot([lab])) {", "  rankdir=LR", "  node [fontname=\"sans-serif\"]",
            "  edge [fontname=\"monospace\", fontsize=10]",
        ]
        for network in networks {
            let text = Self.dot([network.name, network.subnet] + network.facts)
            lines.append("  \(Self.dot(["network " + network.name])) [shape=ellipse, label=\(text)]")
        }
        for machine in machines {
            let text = Self.dot([machine.name, machine.image, machine.size] + machine.publish + (machine.state.map { [$0] } ?? []))
            lines.append("  \(Self.dot(["machine " + machine.name])) [shape=box, style=rounded, label=\(text)]")
        }
        for machine in machines {
            for port in machine.ports {
                let ends = "\(Self.dot(["machine " + machine.name])) -- \(Self.dot(["network " + networks[port.network].name]))"
                lines.append("  \(ends) [label=\(Self.dot([port.address] + port.facts))\(port.isUp ? "" : ", style=dashed")]")
            }
        }
        if networks.contains(where: \.hasUplink) {
            lines.append("  \"outside\" [shape=plaintext]")
            for network in networks where network.hasUplink {
                lines.append("  \(Self.dot(["network " + network.name])) -- \"outside\" [label=\"nat\"]")
            }
        }
        return lines.joined(separator: "\n") + "\n}\n"
    }

    /// One quoted string of several lines. A backslash begins one of Graphviz's own escapes and is doubled.
    static func dot(_ lines: [String]) -> String {
        let escaped = lines.map { line in
            var result = ""
            for scalar in line.unicodeScalars {
                switch scalar {
                case "\"": result += "\\\""
                case "\\": result += "\\\\"
                case _ where scalar.properties.generalCategory == .control: result += " "
                default: result.unicodeScalars.append(scalar)
                }
            }
            return result
        }
        return "\"" + escaped.joined(separator: "\\n") + "\""
    }
}
