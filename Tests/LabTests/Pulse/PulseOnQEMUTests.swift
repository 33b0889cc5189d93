import Foundation
import Glibc
import Host
import Testing

/// pulse judged by somebody else's machines, so that guest and monitor do not merely share their mistakes.
@Suite(.serialized, .enabled(if: PulseOnQEMU.emulator != nil, "no qemu-system-x86_64 here"), .timeLimit(.minutes(5)))
struct `pulse on QEMU` {
    private static let virtio = ["virtio-blk-pci,drive=d", "virtio-rng-pci", "virtio-serial-pci"].flatMap {
        ["-device", "\($0),disable-legacy=on"]
    }

    @Test(arguments: ["pc", "q35"], ["msix", "intx", "poll"])
    func `it drives disk, randomness and processors of another monitor`(board: String, mode: String) throws {
        let file = "/tmp/vmlab-pulse-\(getpid())-\(board)-\(mode).img"
        defer { unlink(file) }
        let content = [UInt8](repeating: 0x5A, count: 200 * 512)
        try Data(count: 1 << 20).write(to: URL(filePath: file))
        let text = try PulseOnQEMU.run(
            board, "irq=\(mode) run=cpus;pci;fill 0 100 200 90;flush 0;sum 0 100 200;random 4;read 0 2048;poweroff",
            ["-accel", "tcg", "-smp", "2", "-drive", "if=none,id=d,format=raw,file=\(file)"] + Self.virtio)
        #expect(text.contains("pulse 1.0: 32 MiB, command line: irq=\(mode) run=cpus"))
        #expect(text.contains("cpus: 2 listed, 2 awake"))
        #expect(text.contains(PulseDisk.sum(content)))
        #expect(text.contains(#/\n[0-9a-f]{8}\n/#))
        #expect(text.contains("read: input/output error"))
        #expect(text.contains("pulse: powering off"))
        let written = try Data(contentsOf: URL(filePath: file))
        #expect(written.dropFirst(100 * 512).prefix(200 * 512).elementsEqual(content))
        #expect(written.prefix(100 * 512).allSatisfy { $0 == 0 })
    }

    /// A second on a KVM that is itself emulated.
    @Test func `from the entry to power off it takes fewer than 300,000 instructions`() throws {
        let log = "/tmp/vmlab-pulse-\(getpid()).log"
        defer { unlink(log) }
        let text = try PulseOnQEMU.run(
            "pc", "run=poweroff",
            [
                "-accel", "tcg,one-insn-per-tb=on", "-d", "exec,nochain", "-dfilter", "0x100000..0x200000", "-D", log,
                "-device", "virtio-rng-pci,disable-legacy=on", "-device", "virtio-serial-pci,disable-legacy=on",
            ])
        #expect(text.contains("pulse: ready"))
        let count = try Data(contentsOf: URL(filePath: log)).count { $0 == 0x0A }
        #expect((10_000..<300_000).contains(count))
    }
}
