/// An image recipe (`Images/<name>/image.yaml`): where a disk comes from and how its kernel starts.
package struct ImageRecipe: Hashable, Sendable, Codable {
    package var name: String
    package var source: Source
    package var boot: Boot
    /// `nil` for images without a disk of their own making.
    package var disk: Disk?
    /// A disk that is there already, instead of one that is made.
    package var diskFile: DiskFile?
    /// A disk for UEFI firmware, instead of either.
    package var efiDisk: EFIDisk?
    /// How machines of it reach that disk.
    package var diskBus: DiskBus
    /// A path or a pattern inside the image: an ISO image that lies in a CD drive of each machine.
    package var cdrom: String?
    /// Made of the image's files, and one of them itself.
    package var initramfs: Initramfs?
    /// Overlaid on the source as a last layer, in order.
    package var files: [File]
    /// The folder the recipe was read from; relative paths in it start here.
    package var folder: String

    package init(
        name: String, source: Source, boot: Boot, disk: Disk?, diskFile: DiskFile? = nil, efiDisk: EFIDisk? = nil,
        diskBus: DiskBus = .virtio, cdrom: String? = nil, initramfs: Initramfs? = nil, files: [File], folder: String
    ) {
        self.name = name
        self.source = source
        self.boot = boot
        self.disk = disk
        self.diskFile = diskFile
        self.efiDisk = efiDisk
        self.diskBus = diskBus
        self.cdrom = cdrom
        self.initramfs = initramfs
        self.files = files
        self.folder = folder
    }

    /// Whether machines of it have a disk of the image.
    package var hasDisk: Bool { disk != nil || diskFile != nil || efiDisk != nil }

    /// Whether machines of it are handed a kernel.
    package var hasKernel: Bool { if case .kernel = source { true } else { boot.kernel != nil } }

    package enum Source: Hashable, Sendable, Codable {
        /// A Debian root filesystem made by `mmdebstrap`, without root.
        case mmdebstrap(suite: String, packages: [String], variant: String, architecture: String)
        /// Any tar that libarchive reads, with any of its filters.
        case archive(path: String, sha256: String?)
        /// Files out of Debian packages, one laid over the other.
        ///
        /// - Parameters:
        ///   - suite: the host's own release if nil.
        ///   - architecture: the host's own if nil.
        case deb(packages: [String], suite: String?, architecture: String?)
        /// Files out of a wheel of the Python Package Index, of one version.
        case wheel(package: String, version: String, sha256: String)
        /// A disk that somebody else made, and nothing else.
        case disk(path: String, sha256: String?)
        /// A bare kernel and nothing else.
        case kernel(path: String)
    }

    /// How the kernel starts. `automatic` looks at the file's own headers.
    package struct Boot: Hashable, Sendable, Codable {
        package var protocolName: BootProtocol
        /// What the kernel finds below it.
        package var board: Board
        /// A path or a `*` pattern inside the image (`/boot/vmlinuz-*`); the highest version wins. `nil`: the source is the kernel.
        package var kernel: String?
        package var initrd: String?
        package var commandLine: String
        /// A ROM that the machine begins in, a path or a pattern inside the image; with it there need be no kernel.
        package var firmware: String?
        /// What the ROM's variables are at first, likewise.
        package var nvram: String?
        /// Handed to the kernel after the initial RAM disk, in order.
        package var modules: [Module]

        package init(
            protocolName: BootProtocol, board: Board = .pc, kernel: String?, initrd: String?, commandLine: String,
            firmware: String? = nil, nvram: String? = nil, modules: [Module] = []
        ) {
            self.protocolName = protocolName
            self.board = board
            self.kernel = kernel
            self.initrd = initrd
            self.commandLine = commandLine
            self.firmware = firmware
            self.nvram = nvram
            self.modules = modules
        }
    }

    /// A file that a kernel is handed, with the words that go with it.
    package struct Module: Hashable, Sendable, Codable {
        /// A path or a pattern inside the image, as the kernel's.
        package var from: String
        /// Given to the kernel to the letter.
        package var text: String

        package init(from: String, text: String) {
            self.from = from
            self.text = text
        }
    }

    package enum BootProtocol: String, Hashable, Sendable, Codable, CaseIterable {
        case automatic = "auto"
        case linux
        case pvh
        case multiboot
        case multiboot2
    }

    /// Firmware that a boot protocol enters is made for one board, and looks which it is on.
    package enum Board: String, Hashable, Sendable, Codable, CaseIterable {
        /// The i440FX that everything knows.
        case pc
        /// Where firmware made for Cloud Hypervisor finds what it drives there.
        case cloudHypervisor = "cloud-hypervisor"
    }

    package struct Disk: Hashable, Sendable, Codable {
        package var fileSystem: FileSystem
        package var size: ByteCount
        package var journal: Bool

        package init(fileSystem: FileSystem, size: ByteCount, journal: Bool) {
            self.fileSystem = fileSystem
            self.size = size
            self.journal = journal
        }
    }

    /// An initial RAM disk out of files of the image and one program of the recipe's.
    package struct Initramfs: Hashable, Sendable, Codable {
        /// Its path in the image, for `boot` to name.
        package var to: String
        /// The image's own initial RAM disk over which this one is laid, a path or a pattern inside the image; nil: none.
        package var over: String?
        /// The program or script that is process 1, a file beside the recipe; nil: that of `over`.
        package var start: String?
        /// Paths or patterns inside the image; each file is at its own path.
        package var files: [String]
        /// Names of the kernel's modules, in the order in which they are to be loaded.
        package var modules: [String]

        package init(to: String, over: String? = nil, start: String?, files: [String], modules: [String]) {
            self.to = to
            self.over = over
            self.start = start
            self.files = files
            self.modules = modules
        }
    }

    /// A disk that is taken as it is.
    package struct DiskFile: Hashable, Sendable, Codable {
        /// A path or a pattern inside the image; nil: the source is the disk.
        package var from: String?
        /// Said, never guessed: what lies in a raw disk is its guest's to write.
        package var format: DiskFormat

        package init(from: String?, format: DiskFormat) {
            self.from = from
            self.format = format
        }
    }

    /// One EFI system partition with files of the image in it, behind a GUID partition table.
    package struct EFIDisk: Hashable, Sendable, Codable {
        package var size: ByteCount
        package var files: [Copy]

        package init(size: ByteCount, files: [Copy]) {
            self.size = size
            self.files = files
        }

        /// What FAT32 with small clusters is made for.
        package static let sizes = ByteCount(bytes: 40 << 20)...ByteCount(bytes: 32 << 30)

        package struct Copy: Hashable, Sendable, Codable {
            /// A path or a pattern inside the image.
            package var from: String
            /// The path on the partition.
            package var to: String

            package init(from: String, to: String) {
                self.from = from
                self.to = to
            }
        }
    }

    package enum DiskFormat: String, Hashable, Sendable, Codable, CaseIterable {
        case raw
        case qcow2
    }

    package enum FileSystem: String, Hashable, Sendable, Codable, CaseIterable {
        case ext4
        /// Of an EFI system partition.
        case fat
    }

    /// One file of the last layer.
    package struct File: Hashable, Sendable, Codable {
        /// Absolute path in the image.
        package var to: String
        package var content: Content
        /// Permission bits, `0o644` style; directories on the way are made with 0755.
        package var mode: UInt16

        package init(to: String, content: Content, mode: UInt16) {
            self.to = to
            self.content = content
            self.mode = mode
        }

        package enum Content: Hashable, Sendable, Codable {
            case text(String)
            /// A file of the host; with the digest of what it holds (SHA-256, in hexadecimal) where that must be known to see a change.
            case from(path: String, digest: String? = nil)
            case symlink(target: String)
        }
    }
}
