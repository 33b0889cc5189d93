import Foundation
import Host

/// The system that both guests of a pair run: Debian's cloud kernel with its own virtio-net driver, busybox, iperf3 and ethtool in an initramfs.
///
/// One guest serves, the other measures; which one it is, and what it does, stands on the kernel's command line. The measuring one says
/// `mark NAME FRAMES SECONDS` on its console between the steps: how many frames its interface has carried so far, and its uptime.
struct GuestSystem {
    static let server = "10.9.0.11"
    static let client = "10.9.0.12"
    static let pings = 200
    static let countedPings = 40
    static let seconds = 12
    /// Seconds before those, while TCP finds out how much the way takes.
    static let warmUp = 6
    static let countedSeconds = 2

    let kernel: String
    let initramfs: String
    /// How much is copied from one guest to the other, with offloads and without.
    let byteCount: Int

    private static let modules = [
        "virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_mmio", "failover", "net_failover",
        "virtio_net",
    ]
    /// With the libraries they need; ping is busybox's.
    private static let programs = ["iperf3", "openssl", "ethtool", "socat"]
    /// Bytes that are read and written at once while copying.
    private static let chunk = 262_144

    /// - Parameter copies: words of `on` and `off`, a copy each.
    static func commandLine(isServer: Bool, copies: String = "") -> String {
        "console=ttyS0 quiet panic=-1 mitigations=off rdinit=/init role=\(isServer ? "server" : "client") \"copies=\(copies)\""
    }

    init(_ folder: TemporaryFolder, byteCount: Int) throws {
        self.byteCount = byteCount
        kernel = try DebianKernel.image()
        initramfs = folder.path + "/guest.cpio"
        let programs = try Self.programs.map { name in
            guard let path = Programs.find(name, path: "/usr/bin:/usr/sbin:/bin:/sbin") else {
                throw BenchmarkError("\(name) is not installed")
            }
            return path
        }
        let root = folder.path + "/guest"
        try FileManager.default.createDirectory(atPath: root + "/modules", withIntermediateDirectories: true)
        for (index, module) in try DebianKernel.modules(Self.modules).enumerated() {
            try FileManager.default.copyItem(atPath: module, toPath: "\(root)/modules/\(index).ko")
        }
        try initScript.write(toFile: root + "/init", atomically: true, encoding: .utf8)
        let script = """
            set -e; cd '\(root)'; mkdir -p bin proc sys dev tmp; cp '\(try Busybox.program())' bin/busybox; chmod +x init
            for program in \(programs.joined(separator: " ")); do
              cp "$program" bin/
              for library in $(ldd "$program" | grep -o '/[^ ]*'); do mkdir -p ".${library%/*}"; cp -L "$library" ".$library"; done
            done
            find . | cpio -o -H newc >'\(initramfs)' 2>/dev/null
            """
        _ = try Measurement.of("sh", ["-c", script])
        try FileManager.default.removeItem(atPath: root)
    }

    /// Makes a file of noise, the same everywhere.
    private func makeNoise(_ file: String) -> String {
        "openssl enc -aes-128-ctr -pass pass:vmlab -nosalt -pbkdf2 -iter 1 </dev/zero 2>/dev/null | head -c \(Self.noiseCount) >\(file)"
    }

    /// A prime: packets never hold the same piece at the same place.
    private static let noiseCount = 7_340_033
    private var repeats: Int { byteCount / Self.noiseCount + 1 }

    /// Prints the noise again and again.
    private func stream(_ file: String) -> String { "for round in $(seq \(repeats)); do cat \(file); done" }

    /// The digest of what one guest sends to the other.
    func digest() throws -> String {
        let folder = try TemporaryFolder()
        let file = folder.path + "/noise"
        return String(try Measurement.of("sh", ["-c", "\(makeNoise(file)); \(stream(file)) | sha256sum"]).output.prefix(64))
    }

    private var initScript: String {
        """
        #!/bin/busybox sh
        /bin/busybox --install -s /bin
        export PATH=/bin LC_ALL=C
        mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
        for index in $(seq 0 \(Self.modules.count - 1)); do insmod /modules/$index.ko; done
        ip link set lo up
        card=eth0
        mark() { echo "mark $1 $(($(cat /sys/class/net/$card/statistics/rx_packets) + $(cat /sys/class/net/$card/statistics/tx_packets))) $(cut -d" " -f1 /proc/uptime)"; sleep 0.3; }
        offloads() { ethtool -K $card tx $1 tso $1 gso $1 gro $1 rx-gro-hw $1 2>/dev/null; }
        if [ "$role" = server ]; then
          ip addr add \(Self.server)/24 dev $card; ip link set $card up
          iperf3 -s >/dev/null 2>&1 &
          socat -b \(Self.chunk) -t 600 TCP-LISTEN:5001,fork EXEC:'openssl dgst -sha256 -r' &
          while :; do nc -l -p 5000 -e sh -c 'read state; echo $state >/tmp/state'; offloads $(cat /tmp/state); done
        fi
        ip addr add \(Self.client)/24 dev $card; ip link set $card up
        until ping -c 1 -W 1 \(Self.server) >/dev/null 2>&1; do :; done
        until iperf3 -c \(Self.server) -t 1 >/dev/null 2>&1; do sleep 0.2; done
        mark begin
        ping -q -c \(Self.pings) -i 0.02 \(Self.server)
        mark pinged
        iperf3 -c \(Self.server) -t \(Self.seconds) -O \(Self.warmUp) -f k
        mark streamed
        mark count-pings
        ping -q -c \(Self.countedPings) -i 0.02 \(Self.server) >/dev/null
        mark count-stream
        iperf3 -c \(Self.server) -t \(Self.countedSeconds) >/dev/null
        mark counted
        \(makeNoise("/tmp/noise"))
        for state in $copies; do
          echo $state | nc \(Self.server) 5000; offloads $state; sleep 2
          mark copy
          \(stream("/tmp/noise")) | socat -b \(Self.chunk) -t 600 - TCP:\(Self.server):5001 >/tmp/sum
          mark copied
          echo "digest $state $(cat /tmp/sum)"
        done
        poweroff -f
        """
    }

    // MARK: What it says

    /// Milliseconds.
    static func averageRoundTrip(in text: String) -> Double? {
        text.firstMatch(of: #/min\/avg\/max = [\d.]+\/([\d.]+)\//#).flatMap { Double($0.1) }
    }

    /// Bits a second.
    static func throughput(in text: String) -> Double? {
        text.firstMatch(of: #/([\d.]+) Kbits\/sec +receiver/#).flatMap { Double($0.1) }.map { $0 * 1000 }
    }
}
