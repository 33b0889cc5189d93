internal import Host
package import LabModel

/// The command line of one carrier's QEMU: everything it has, by descriptor number; no path of a lab in it.
///
/// One CPU: two make the emulation of nested virtualisation fail. No firmware tables, no display, no network: a carrier is
/// a kernel, a few virtio ports and disks.
package struct CarrierCommand {
    /// Without the program's name.
    package var arguments: [String] = []

    package struct Port: Hashable {
        /// The name of the virtio port.
        package var name: String
        /// Descriptor number of a socket in QEMU.
        package var descriptor: Int32

        package init(name: String, descriptor: Int32) {
            self.name = name
            self.descriptor = descriptor
        }
    }

    package struct Disk: Hashable {
        /// At most 20 bytes.
        package var serial: String
        package var descriptor: Int32
        package var writable: Bool

        package init(serial: String, descriptor: Int32, writable: Bool) {
            self.serial = serial
            self.descriptor = descriptor
            self.writable = writable
        }
    }

    /// What a carrier takes for itself: its kernel, the initramfs with the monitor in it, and page tables. Measured at 76 MiB with
    /// an idle monitor; the rest is room for its page cache.
    static let overhead = ByteCount(bytes: 128 << 20)
    /// PCI slots left on the board beside the host bridge, the ISA bridge and the ports.
    static let mostDisks = 28
    /// `max_ports` counts a port 0 that is reserved for consoles.
    static let mostPorts = 29

    /// All that QEMU emulates, but for the promise that `rep movsb` is quick: it copies byte by byte there. Without the promise Linux and C libraries
    /// copy in words and vectors, in the carrier and in its guest: measured at five times as fast.
    private static let processor = "max,-erms,-fsrm"

    private static func kernelCommandLine(counterKilohertz: UInt64) -> String {
        var words = ["console=ttyS0", "quiet", "panic=-1", "rdinit=/init", "mitigations=off"]
        // The emulated counter is the host's: calibrating it against the emulated timer costs time and gets it wrong.
        if counterKilohertz > 0 { words += ["tsc_early_khz=\(counterKilohertz)", "tsc=reliable"] }
        words += ["no_timer_check", "cryptomgr.notests", "lsm=capability", "audit=0"]
        // Becomes the environment of the init: the Swift runtime asks /proc where it is otherwise, which is not mounted yet.
        words += ["SWIFT_ROOT=/"]
        return words.joined(separator: " ")
    }

    /// - Parameter counterKilohertz: how fast the host's time stamp counter runs; 0 where that is not known.
    package init(
        kit: CarrierKit, memory: ByteCount, ports: [Port], disks: [Disk], counterKilohertz: UInt64 = TimeStampCounter.kilohertz
    ) {
        // QEMU takes whole MiB; rounded up.
        let (total, overflow) = memory.bytes.addingReportingOverflow(Self.overhead.bytes + (1 << 20 - 1))
        let mebibytes = (overflow ? UInt64.max : total) >> 20
        arguments = [
            "-M", "pc", "-accel", "tcg,thread=multi", "-cpu", Self.processor, "-smp", "1", "-m", "\(mebibytes)M",
            "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-monitor", "none", "-serial", "stdio",
            "-kernel", kit.kernel, "-initrd", kit.initramfs, "-append", Self.kernelCommandLine(counterKilohertz: counterKilohertz),
            "-device", "virtio-serial-pci,max_ports=\(ports.count + 1)",
        ]
        for (index, port) in ports.enumerated() {
            arguments += ["-chardev", "socket,id=c\(index),fd=\(port.descriptor)"]
            arguments += ["-device", "virtserialport,chardev=c\(index),name=\(Self.escaped(port.name))"]
        }
        for (index, disk) in disks.enumerated() {
            let access = disk.writable ? "discard=unmap,detect-zeroes=unmap" : "read-only=on"
            // Locking would refuse a base image to the second of two carriers.
            arguments += ["-add-fd", "fd=\(disk.descriptor),set=\(index)"]
            arguments += [
                "-blockdev",
                "driver=raw,node-name=d\(index),\(access),file.driver=file,file.filename=/dev/fdset/\(index),file.locking=off"
                    + (disk.writable ? ",file.discard=unmap" : ",file.read-only=on"),
            ]
            arguments += ["-device", "virtio-blk-pci,drive=d\(index),serial=\(Self.escaped(disk.serial))"]
        }
    }

    /// A comma ends a value in QEMU's option syntax; two stand for one.
    private static func escaped(_ value: String) -> String {
        value.split(separator: ",", omittingEmptySubsequences: false).joined(separator: ",,")
    }
}
