import Foundation
import Glibc
import Host

/// The same two guests as people get them where hardware KVM is missing: `vmlab up`, each in its own carrier, on the native switch.
struct CarriedLab {
    /// Milliseconds there and back, and bits a second.
    var roundTrip: Double
    var throughput: Double
    /// Seconds for the copy with offloads and without; the receiver's digest was right.
    var copies: [(offloads: String, seconds: Double)]

    /// Seconds for all of it: a GiB over an emulated processor, twice.
    private static let patience = 1800

    static func run(_ system: GuestSystem, in folder: TemporaryFolder) throws -> CarriedLab {
        let lab = folder.path + "/lab"
        try FileManager.default.createDirectory(atPath: lab + "/Images/guest", withIntermediateDirectories: true)
        _ = try Measurement.of(
            "tar",
            [
                "-cf", lab + "/Images/guest/guest.tar", "--transform", "s,.*/,,", "--absolute-names", system.kernel, system.initramfs,
            ])
        try """
        name: guest
        from: {archive: {path: guest.tar}}
        boot: {protocol: linux, kernel: "/vmlinuz-*", initrd: /guest.cpio, cmdline: "console=ttyS0 quiet panic=-1 mitigations=off rdinit=/init"}
        """.write(toFile: lab + "/Images/guest/image.yaml", atomically: true, encoding: .utf8)
        try """
        name: bench-guests
        defaults: {image: guest, memory: 192MiB, cpus: 1}
        networks: {lan: {subnet: 10.9.0.0/24}}
        machines:
          server: {networks: [{name: lan, address: \(GuestSystem.server)}], cmdline: role=server}
          client: {networks: [{name: lan, address: \(GuestSystem.client)}], cmdline: 'role=client "copies=on off"'}
        """.write(toFile: lab + "/lab.yaml", atomically: true, encoding: .utf8)
        let home = ["VMLAB_HOME": folder.path + "/home"]
        let vmlab = try Programs.sibling("vmlab")
        let down = CleanUp { _ = try? Measurement.of(vmlab, ["down", lab], variables: home) }
        defer { withExtendedLifetime(down) {} }
        _ = try Measurement.of(vmlab, ["up", lab, "--accel", "carrier"], variables: home)
        var said = ""
        let deadline = EventLoop.now() + UInt64(patience) * 1_000_000_000
        while !said.contains("digest off") {
            guard EventLoop.now() < deadline else { throw BenchmarkError("the guests did not finish: \(said.suffix(800))") }
            sleep(2)
            said = try Measurement.of(vmlab, ["logs", "client", "-f", lab, "--stream", "serial"], variables: home).output
        }
        return try CarriedLab(said, digest: try system.digest())
    }

    private init(_ said: String, digest: String) throws {
        guard let average = GuestSystem.averageRoundTrip(in: said), let bits = GuestSystem.throughput(in: said) else {
            throw BenchmarkError("the guests said \(said.suffix(800))")
        }
        (roundTrip, throughput) = (average, bits)
        copies = try said.matches(of: #/mark copy \d+ ([\d.]+)[^$]*?mark copied \d+ ([\d.]+)[^$]*?digest (on|off) ([0-9a-f]{64})/#).map {
            match in
            guard match.4 == digest else { throw BenchmarkError("with offloads \(match.3) the digest is \(match.4), not \(digest)") }
            return (String(match.3), (Double(match.2) ?? 0) - (Double(match.1) ?? 0))
        }
        guard copies.count == 2 else { throw BenchmarkError("the guests copied \(copies.count) times: \(said.suffix(800))") }
    }
}
