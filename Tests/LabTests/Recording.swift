import TestSupport
import Testing

/// A capture as tshark reads it.
struct Recording {
    static let judge = "/usr/bin/tshark"
    /// What no frame of ours may match. What programs in guests say to each other is theirs: ports that only carry test data are shown as data.
    static let wrong =
        "_ws.malformed || ip.checksum.status == 0 || udp.checksum.status == 0 || icmp.checksum.status == 0"
        // Where Linux sums in software, zero stands as 0xFFFF, as for UDP: one packet in 65,536, which receivers take and tshark does not.
        + " || (tcp.checksum.status == 0 && tcp.checksum != 0xffff)"
    /// The port on which tests send data that means nothing.
    static let dataPort = 17017

    let file: String

    init(_ file: String) { self.file = file }

    /// A network's capture as it is now.
    init(of network: String, _ user: CommandLineUser, _ folder: String) throws {
        file = user.home + "/\(network).pcapng"
        let capture = try user.vmlab("capture", network, "-f", folder, "-w", file)
        #expect(capture.status == 0, "\(capture.all)")
    }

    /// The frames that a display filter leaves, a line each.
    func frames(_ filter: String) throws -> [Substring] {
        let outcome = try RunningCommand(
            program: Self.judge,
            arguments: ["tshark", "-n", "-r", file, "-Y", filter, "-d", "tcp.port==\(Self.dataPort),data"]
                + ["ip", "tcp", "udp"].flatMap { ["-o", "\($0).check_checksum:TRUE"] },
            environment: ["PATH=/usr/bin:/bin", "HOME=/tmp"], home: "/tmp"
        ).wait()
        #expect(outcome.status == 0, "tshark refuses \(file): \(outcome.err)")
        return outcome.out.split(separator: "\n")
    }

    /// Shows the frames that are.
    func expectNothingWrong() throws {
        let wrong = try frames(Self.wrong)
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
    }

    func count(_ filter: String) throws -> Int { try frames(filter).count }
}
