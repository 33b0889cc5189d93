/// An image recipe (`Images/<name>/image.yaml`): where a disk comes from and how its kernel starts.
package struct ImageRecipe: Hashable, Sendable, Codable {
    package var name: String
    package var source: Source
    package var boot: Boot
    /// `nil` for images without a disk (a bare kernel).
    package var disk: Disk?
    /// Overlaid on the source as a last layer, in order.
    package var files: [File]
    /// The folder the recipe was read from; relative paths in it start here.
    package var folder: String

    package init(name: String, source: Source, boot: Boot, disk: Disk?, files: [File], folder: String) {
        self.name = name
        self.source = source
        self.boot = boot
        self.disk = disk
        self.files = files
        self.folder = folder
    }

    package enum Source: Hashable, Sendable, Codable {
        /// A Debian root filesystem made by `mmdebstrap`, without root.
        case mmdebstrap(suite: String, packages: [String], variant: String, architecture: String)
        /// Any tar that libarchive reads, with any of its filters.
        case archive(path: String, sha256: String?)
        /// Files out of a Debian package.
        case deb(package: String)
        /// A bare kernel and nothing else.
        case kernel(path: String)
    }

    /// How the kernel starts. `automatic` looks at the file's own headers.
    package struct Boot: Hashable, Sendable, Codable {
        package var protocolName: BootProtocol
        /// A path or a `*` pattern inside the image (`/boot/vmlinuz-*`); the highest version wins. `nil`: the source is the kernel.
        package var kernel: String?
        package var initrd: String?
        package var commandLine: String

        package init(protocolName: BootProtocol, kernel: String?, initrd: String?, commandLine: String) {
            self.protocolName = protocolName
            self.kernel = kernel
            self.initrd = initrd
            self.commandLine = commandLine
        }
    }

    package enum BootProtocol: String, Hashable, Sendable, Codable, CaseIterable {
        case automatic = "auto"
        case linux
        case pvh
        case multiboot
        case multiboot2
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

    package enum FileSystem: String, Hashable, Sendable, Codable, CaseIterable { case ext4 }

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
            case from(path: String)
            case symlink(target: String)
        }
    }
}
