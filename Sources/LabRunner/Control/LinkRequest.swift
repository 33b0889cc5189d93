package import LabModel

/// A change to one wire of a running lab: `{"request":"link","link":{"what":"web/lan","change":{"down":{}}}}`.
package struct LinkRequest: Hashable, Sendable, Codable {
    /// A network, `lan`, or one port of it, `web/lan`.
    package var what: String
    package var change: LinkChange

    package init(what: String, change: LinkChange) {
        self.what = what
        self.change = change
    }
}

package enum LinkChange: Hashable, Sendable, Codable {
    /// These parts of the shape, the others as they are.
    case set(LinkShapeChange)
    /// No shape at all.
    case clear
    /// As the lab file has it.
    case reset
    case up
    case down
}

/// Machines of one network that are to see each other only within their group; no group at all heals it.
package struct PartitionRequest: Hashable, Sendable, Codable {
    package var network: String
    package var groups: [[String]]

    package init(network: String, groups: [[String]]) {
        self.network = network
        self.groups = groups
    }
}
