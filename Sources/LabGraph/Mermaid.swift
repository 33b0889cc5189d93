extension Topology {
    /// A flowchart for Mermaid (as GitHub and GitLab show it in Markdown): networks are stadiums, machines are boxes.
    package var mermaid: String {
        var lines = ["flowchart LR"]
        for (index, network) in networks.enumerated() {
            lines.append("  n\(index)([\(Self.mermaid([network.name, network.subnet] + network.facts))])")
        }
        for (index, machine) in machines.enumerated() {
            var text = [machine.name, machine.image, machine.size] + machine.publish
            if let state = machine.state { text.append(state) }
            lines.append("  m\(index)[\(Self.mermaid(text))]")
        }
        for (index, machine) in machines.enumerated() {
            for port in machine.ports {
                let line = port.isUp ? "---" : "-.-"
                lines.append("  m\(index) \(line)|\(Self.mermaid([port.address] + port.facts))| n\(port.network)")
            }
        }
        if networks.contains(where: \.hasUplink) {
            lines.append("  outside((\(Self.mermaid(["outside"]))))")
            for (index, network) in networks.enumerated() where network.hasUplink {
                lines.append("  n\(index) ---|\(Self.mermaid(["nat"]))| outside")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// One quoted text of several lines; what Mermaid, Markdown or HTML would take for itself is written as an entity.
    static func mermaid(_ lines: [String]) -> String {
        "\"" + lines.map(mermaidEscaped).joined(separator: "<br/>") + "\""
    }

    private static func mermaidEscaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "#", "&", "<", ">", "`", "\\", "*", "_", "|", "[", "]", "{", "}", "(", ")", ";", "~": result += "#\(scalar.value);"
            case _ where scalar.properties.generalCategory == .control: result += " "
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
