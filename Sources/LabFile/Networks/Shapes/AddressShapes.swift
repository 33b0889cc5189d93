import LabModel

extension Shape<IPv4Address> {
    static let address = Shape<String>.text("an IPv4 address such as `10.20.0.10`", pattern: #"^[0-9]{1,3}(\.[0-9]{1,3}){3}$"#) { text in
        if IPv4Address(text) != nil { return nil }
        if let slash = text.firstIndex(of: "/"), IPv4Address(text[..<slash]) != nil {
            return "\(quoted(text)) is an address with a prefix length; write \(quoted(String(text[..<slash])))"
        }
        if text.contains(":") { return "\(quoted(text)) is not an IPv4 address; IPv6 addresses follow from the MAC address" }
        return "\(quoted(text)) is not an IPv4 address such as `10.20.0.10`"
    }.map { IPv4Address($0) ?? IPv4Address(0) }
}

extension Shape<IPv4Subnet> {
    static let subnet = Shape(
        .scalar(
            "string", [.init("pattern", .text(#"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$"#)), .init("examples", .texts(["10.20.0.0/24"]))])
    ) { node, place, findings in
        guard let (text, _) = node.word(place, wants: "a subnet such as `10.20.0.0/24`", &findings) else { return nil }
        if let subnet = IPv4Subnet(text) { return subnet }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        if let base = IPv4Address(parts[0]), parts.count == 1 {
            findings.add(node.mark, "\(place.name) wants a prefix length: \(base)/24?")
        } else if let base = IPv4Address(parts[0]), parts.count == 2, let length = Int(parts[1]), String(length) == parts[1],
            (0...32).contains(length)
        {
            let mask = length == 0 ? 0 : UInt32.max << UInt32(32 - length)
            let whole = IPv4Address(base.value & mask)
            findings.add(node.mark, "\(quoted(text)) is an address in a subnet; did you mean \(quoted("\(whole)/\(length)"))?")
        } else {
            findings.add(node.mark, "\(place.name) wants a subnet such as `10.20.0.0/24`, not \(node.kindName)")
        }
        return nil
    }
}

extension Shape<MACAddress> {
    static let mac = Shape<String>.text(
        "a MAC address such as `02:00:5e:10:00:01`", pattern: "^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$"
    ) { text in
        guard let address = MACAddress(text) else { return "\(quoted(text)) is not a MAC address such as `02:00:5e:10:00:01`" }
        if address.isMulticast { return "\(quoted(text)) is the address of a group: the first octet of a machine's own is even" }
        return address.value == 0 ? "\(quoted(text)) is nobody's address" : nil
    }.map { MACAddress($0) ?? MACAddress(0) }
}
