/// What a machine that asks a network for its address is told to start from there (RFC 2131 and 2132: next server and boot file).
package struct NetworkBoot: Hashable, Sendable, Codable {
    /// Who has the files; nil where all of them are URLs.
    package var server: Server?
    /// A path on the server, or a URL.
    package var file: String?
    /// What clients get instead that are iPXE: `file` may have been iPXE itself.
    package var ipxe: String?

    package enum Server: Hashable, Sendable, Codable {
        /// A machine of the lab that is on the network.
        case machine(String)
        case address(IPv4Address)
    }

    package init(server: Server? = nil, file: String? = nil, ipxe: String? = nil) {
        self.server = server
        self.file = file
        self.ipxe = ipxe
    }

    /// Bytes of a file's name: what a DHCP option holds (RFC 2132, 2).
    package static let longestFile = 255
    /// What a client calls itself that is iPXE, in the option of user classes (RFC 3004).
    package static let ipxeClass = "iPXE"
}
