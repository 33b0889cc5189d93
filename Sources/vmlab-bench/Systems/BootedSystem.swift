import Foundation
import Host
import LabImages

/// A system that monitors start side by side: files at paths that are the same here and in a carrier, and what it says once it is up.
struct BootedSystem: Codable {
    var name: String
    /// MiB.
    var memory: Int
    /// On its serial console, escape sequences taken out.
    var ready: String
    /// What `vmlab-machine --boot` is told.
    var bootProtocol: String
    var commandLine: String
    var kernel: String?
    var initrd: String?
    var firmware: String?
    var nvram: String?
    var modules: [Module] = []
    var disk: Disk?
    /// QEMU's machine types that can start it.
    var peers: [Contender]

    struct Module: Codable {
        var path: String
        /// Its words for Multiboot: a name, and what follows it.
        var text: String
    }

    struct Disk: Codable {
        var path: String
        /// What travels to the carrier instead of a disk that is mostly holes, and is unpacked to `path` there.
        var packed: String?
    }

    /// What has to be there.
    var files: [String] {
        [kernel, initrd, firmware, nvram, disk.map { $0.packed ?? $0.path }].compactMap { $0 } + modules.map(\.path)
    }
}

/// Who starts it.
enum Contender: String, Codable, CaseIterable {
    case own, pc, microvm

    var name: String { self == .own ? "vmlab-machine" : "QEMU -M \(rawValue)" }
}

extension BootedSystem {
    /// An image of `Images/`, and what is asked of it.
    struct Wanted {
        var name: String
        var image: String
        var memory: Int
        var ready: String
        var peers: [Contender]
        /// Words of the modules, in the image's order.
        var words: [String] = []
        /// Instead of the image's: what QEMU's machines have no console for is left out.
        var commandLine: String?
        /// Starts from this first sector instead of the image's disk.
        var sector: [UInt8]?
    }

    private static let task = ["boot one ${host-port} ${device-port} $(task-create) $(task-resume)"]
    private static let debian = "root=/dev/vda rw console=ttyS0 loglevel=6 mitigations=off"

    /// Every kind of entry and of firmware that both can start. `-M pc` is the board that is most like ours; `-M microvm` has no firmware of a PC.
    static let all = [
        Wanted(
            name: "debian-11", image: "debian-11", memory: 256, ready: "Serial Getty on ttyS0", peers: [.pc, .microvm],
            commandLine: debian),
        Wanted(
            name: "debian-12", image: "debian-12", memory: 256, ready: "Serial Getty on ttyS0", peers: [.pc, .microvm],
            commandLine: debian),
        Wanted(
            name: "debian-13", image: "debian-13", memory: 256, ready: "Serial Getty on ttyS0", peers: [.pc, .microvm],
            commandLine: debian),
        Wanted(
            name: "debian-12-i386", image: "debian-12-i386", memory: 128, ready: "busybox: ready on", peers: [.pc, .microvm]),
        Wanted(name: "alpine", image: "alpine", memory: 256, ready: "OpenRC", peers: [.pc, .microvm]),
        Wanted(name: "gnu-mach", image: "gnu-mach", memory: 64, ready: "mach task: ready", peers: [.pc], words: task),
        Wanted(name: "gnu-mach-64", image: "gnu-mach-64", memory: 64, ready: "mach task: ready", peers: [.pc], words: task),
        Wanted(
            name: "xen", image: "xen", memory: 512, ready: "busybox: ready on", peers: [.pc],
            words: ["linux console=hvc0 loglevel=6", ""]),
        Wanted(name: "memtest86plus", image: "memtest86plus", memory: 32, ready: "Memtest86+", peers: [.pc, .microvm]),
        Wanted(name: "memtest86plus-ia32", image: "memtest86plus-ia32", memory: 32, ready: "Memtest86+", peers: [.pc, .microvm]),
        Wanted(name: "pulse", image: "pulse", memory: 32, ready: "pulse: ready", peers: [.pc, .microvm]),
        Wanted(name: "uefi-shell", image: "uefi-shell", memory: 128, ready: "Shell>", peers: [.pc]),
        Wanted(
            name: "seabios", image: "seabios", memory: 64, ready: BootSector.line, peers: [.pc], sector: BootSector.bytes),
        Wanted(name: "grub-rescue", image: "grub-rescue", memory: 64, ready: "GNU GRUB", peers: [.pc]),
        Wanted(name: "ipxe", image: "ipxe", memory: 64, ready: "iPXE initialising devices...ok", peers: [.pc]),
        Wanted(name: "u-boot", image: "u-boot", memory: 64, ready: "=> ", peers: [.pc]),
    ]

    /// Builds the image, unless it is there.
    init(_ wanted: Wanted, in folder: TemporaryFolder) throws {
        let built = try Measurement.of(try Programs.sibling("vmlab"), ["image", "build", wanted.image]).output
        let image = built.trimmingCharacters(in: .whitespacesAndNewlines)
        let manifest = try JSONDecoder().decode(ImageManifest.self, from: Data(contentsOf: URL(filePath: image + "/image.json")))
        guard manifest.modules.count == wanted.words.count else {
            throw BenchmarkError("image \(wanted.image) has \(manifest.modules.count) modules, not \(wanted.words.count)")
        }
        (name, memory, ready, peers) = (wanted.name, wanted.memory, wanted.ready, wanted.peers)
        bootProtocol = manifest.protocolName.rawValue
        commandLine = wanted.commandLine ?? manifest.commandLine
        kernel = manifest.kernel.map { _ in image + "/kernel" }
        initrd = manifest.initrd.map { _ in image + "/initrd" }
        firmware = manifest.firmware.map { _ in image + "/firmware" }
        nvram = manifest.nvram.map { _ in image + "/nvram" }
        modules = wanted.words.enumerated().map { Module(path: "\(image)/module\($0.offset)", text: $0.element) }
        if let sector = wanted.sector {
            let path = "\(folder.path)/\(wanted.name).img"
            try Data(sector + [UInt8](repeating: 0, count: (1 << 20) - sector.count)).write(to: URL(filePath: path))
            disk = Disk(path: path)
        } else if let whole = manifest.disk {
            disk = Disk(path: image + "/disk.img")
            if whole.size > Self.carried {
                let packed = "\(folder.path)/\(wanted.name).zst"
                _ = try Measurement.of("zstd", ["-q", "-1", image + "/disk.img", "-o", packed])
                disk = Disk(path: "\(folder.path)/\(wanted.name).img", packed: packed)
            }
        }
    }

    /// Larger disks are packed.
    private static let carried: UInt64 = 64 << 20
}
