import LabModel

// The keys of an image recipe.

extension Table<ImageDraft> {
    static let image = Table(
        "An image recipe: where a disk comes from and how its kernel starts.", later: ["agent"],
        [
            Field("name", .name(.image), required: true, into: \.name, "The image's name: that of the folder the recipe is in."),
            Field(
                "from", Table<SourceDraft>.source.shape { SourceDraft() }, required: true, into: \.from,
                "Where it comes from: exactly one source."),
            Field("boot", Table<BootDraft>.boot.shape { BootDraft() }, into: \.boot, "How it starts."),
            Field(
                "disk", Table<ImageDiskDraft>.disk.shape { ImageDiskDraft() }, into: \.disk,
                "The disk that is made of it; none for a bare kernel."),
            Field(
                "cdrom", Table<CDDraft>.cdrom.shape { CDDraft() }, into: \.cdrom,
                "An ISO image of the image's that lies in a CD drive of each machine; firmware starts from disks first, then from it."),
            Field(
                "initramfs", Table<InitramfsDraft>.initramfs.shape { InitramfsDraft() }, into: \.initramfs,
                "A small initial RAM disk made of the image's files, and a file of the image itself."),
            Field(
                "files", .list(of: Table<FileDraft>.file.shape { FileDraft() }, atMost: 1024), into: \.files,
                "Put over the source as a last layer, in this order."),
        ])
}

extension Table<SourceDraft> {
    static let source = Table(
        "Exactly one source.", later: ["oci"],
        [
            Field(
                "mmdebstrap", Table<MmdebstrapDraft>.mmdebstrap.shape { MmdebstrapDraft() }, into: \.mmdebstrap,
                "A Debian root filesystem made of packages."),
            Field(
                "archive", Table<ArchiveDraft>.archive.shape { ArchiveDraft() }, into: \.archive,
                "A tar archive, compressed or not, of a root filesystem."),
            Field(
                "deb", .deb, into: \.deb,
                "Files out of Debian packages that are not installed: a package's name, or more of what is wanted."),
            Field(
                "wheel", Table<WheelDraft>.wheel.shape { WheelDraft() }, into: \.wheel,
                "Files out of a wheel of the Python Package Index."),
            Field(
                "disk", Table<DiskSourceDraft>.disk.shape { DiskSourceDraft() }, into: \.disk,
                "A disk that somebody else made, taken as it is."),
            Field("kernel", Table<KernelDraft>.kernel.shape { KernelDraft() }, into: \.kernel, "A bare kernel and nothing else."),
        ])
}

extension Table<MmdebstrapDraft> {
    static let mmdebstrap = Table(
        "A Debian root filesystem made of packages.",
        [
            Field(
                "suite", .text("a suite such as `bookworm`", pattern: Rule.wordPattern, fault: Rule.word), required: true, into: \.suite,
                "The Debian release: bookworm, trixie."),
            Field(
                "packages", .list(of: .package, atMost: 4096),
                into: \.packages,
                "Packages beyond those of the variant."),
            Field(
                "variant", .text("a variant", pattern: Rule.wordPattern, fault: Rule.word), into: \.variant,
                "What is in it anyway: minbase if not given."),
            Field(
                "architecture", .text("an architecture", pattern: Rule.wordPattern, fault: Rule.word), into: \.architecture,
                "amd64 if not given."),
        ])
}

extension Table<ArchiveDraft> {
    static let archive = Table(
        "An archive of a root filesystem.", later: ["url"],
        [
            Field(
                "path", .text("a path", mayBeEmpty: false), required: true, into: \.path,
                "The archive's file; a relative path begins at the recipe's folder."),
            Field(
                "sha256", .sha256, into: \.sha256,
                "The digest that its bytes must have, in hexadecimal."),
        ])
}

extension Table<DebDraft> {
    static let deb = Table(
        "Files out of Debian packages.",
        [
            Field(
                "packages", .list(of: .package, atMost: 64), required: true, into: \.packages,
                "Their names; a later one's files are laid over an earlier one's."),
            Field(
                "suite", .text("a suite such as `bookworm`", pattern: Rule.wordPattern, fault: Rule.word), into: \.suite,
                "The Debian release they are of; the host's own if not given."),
            Field(
                "architecture", .text("an architecture", pattern: Rule.wordPattern, fault: Rule.word), into: \.architecture,
                "The host's own if not given."),
        ])
}

extension Shape<DebDraft> {
    /// A package's name alone, or a mapping that says more.
    static let deb: Shape = {
        let name = Shape<String>.package
        let table = Table<DebDraft>.deb
        return Shape(Schema([.init("anyOf", .list([name.schema.json, table.schema.json]))])) { node, place, findings in
            if case .mapping = node.content { return table.read(node, place, into: DebDraft(), &findings) }
            return name.read(node, place, &findings).map { DebDraft(packages: .value([Marked($0, node.mark)], node.mark)) }
        }
    }()
}

extension Shape<String> {
    fileprivate static let package = text("a package name", pattern: Rule.packagePattern, fault: Rule.package)
    fileprivate static let sha256 = text("a SHA-256 digest", pattern: "^[0-9a-f]{64}$", fault: Rule.digest)
}

extension Table<WheelDraft> {
    static let wheel = Table(
        "A wheel of the Python Package Index, fetched by the host's pip and never installed.",
        [
            Field("package", .package, required: true, into: \.package, "The project's name."),
            Field(
                "version", .text("a version such as `0.10.1`", pattern: Rule.wordPattern, fault: Rule.word), required: true,
                into: \.version,
                "Its version."),
            Field("sha256", .sha256, required: true, into: \.sha256, "The digest that the wheel must have, in hexadecimal."),
        ])
}

extension Table<DiskSourceDraft> {
    static let disk = Table(
        "A disk that somebody else made.", later: ["url"],
        [
            Field(
                "path", .text("a path", mayBeEmpty: false), required: true, into: \.path,
                "The disk's file; a relative path begins at the recipe's folder."),
            Field(
                "format", .choice(later: ["vmdk", "vhdx"]), required: true, into: \.format, "What it is; never guessed from its content."),
            Field("sha256", .sha256, into: \.sha256, "The digest that the file must have, in hexadecimal."),
        ])
}

extension Table<KernelDraft> {
    static let kernel = Table(
        "A bare kernel.", later: ["url"],
        [
            Field(
                "path", .text("a path", mayBeEmpty: false), required: true, into: \.path,
                "The kernel's file; a relative path begins at the recipe's folder.")
        ])
}

extension Table<BootDraft> {
    static let boot = Table(
        "How the kernel starts.",
        [
            Field(
                "protocol", .choice(), into: \.protocolName,
                "The boot protocol; `auto` looks at the kernel's own headers, and is meant if not given."),
            Field(
                "board", .choice(), into: \.board,
                "`cloud-hypervisor` for firmware that is entered as a kernel and made for that board, such as CLOUDHV.fd; `pc` if not given."
            ),
            Field(
                "kernel", .text("a path in the image", fault: Rule.absolute), into: \.kernel,
                "The kernel's path in the image; `*` stands for any text, and the highest version wins."),
            Field(
                "initrd", .text("a path in the image", fault: Rule.absolute), into: \.initrd,
                "The initial RAM disk's path in the image, likewise."),
            Field(
                "cmdline", .text("kernel parameters", atMost: Limits.commandLine), into: \.commandLine, "The kernel command line."),
            Field(
                "firmware", .text("a path in the image", fault: Rule.absolute), into: \.firmware,
                "A ROM in the image that the machine begins in, such as SeaBIOS or OVMF; it finds what to start by itself, on a disk or as `kernel`."
            ),
            Field(
                "nvram", .text("a path in the image", fault: Rule.absolute), into: \.nvram,
                "What the ROM's variables are at first; each machine keeps its own."),
            Field(
                "modules", .list(of: Table<ModuleDraft>.module.shape { ModuleDraft() }, atMost: 15), into: \.modules,
                "What the kernel is handed besides, in this order: Multiboot modules, or for Linux more parts of the initial RAM disk."),
        ])
}

extension Table<ModuleDraft> {
    static let module = Table(
        "A file that the kernel is handed.",
        [
            Field(
                "from", .text("a path in the image", fault: Rule.absolute), required: true, into: \.from,
                "Its path in the image, likewise."),
            Field(
                "text", .text("words for the module", atMost: Limits.commandLine), into: \.text,
                "The words that the kernel finds with it, to the letter."),
        ])
}

extension Table<ImageDiskDraft> {
    static let disk = Table(
        "The disk: made of the source, or taken `from` a file of the image as it is.",
        [
            Field(
                "from", .text("a path in the image", fault: Rule.absolute), into: \.from,
                "A file of the image that is a disk already; `*` stands for any text, and the highest version wins."),
            Field(
                "format", .choice(later: ["vmdk", "vhdx"]), into: \.format, "What that file is; never guessed from its content."),
            Field(
                "filesystem", .choice(later: ["btrfs", "xfs"]), into: \.fileSystem,
                "ext4 if not given, with all of the image; fat is an EFI system partition, with the disk's `files`."),
            Field(
                "size",
                .bytes(ByteCount(bytes: 1 << 20)...ByteCount(bytes: 16 << 40), step: ByteCount(bytes: 4096), example: "2GiB"),
                into: \.size, "How large the disk is for the guest; the file on the host has holes."),
            Field("journal", .flag, into: \.journal, "Whether an ext4 filesystem has a journal; true if not given."),
            Field(
                "files", .list(of: Table<PartitionFileDraft>.partitionFile.shape { PartitionFileDraft() }, atMost: 1024), into: \.files,
                "Files of the image that are on an EFI system partition."),
            Field(
                "bus", .choice(later: ["scsi", "sata", "nvme"]), into: \.bus,
                "How the guest reaches it: `ide` for systems without virtio; `virtio` if not given."),
        ])
}

extension Table<CDDraft> {
    static let cdrom = Table(
        "What lies in a CD drive, never written to.",
        [
            Field(
                "from", .text("a path in the image", fault: Rule.absolute), required: true, into: \.from,
                "A file of the image that is an ISO image; `*` stands for any text, and the highest version wins.")
        ])
}

extension Table<PartitionFileDraft> {
    static let partitionFile = Table(
        "A file of the image on an EFI system partition.",
        [
            Field(
                "from", .text("a path in the image", fault: Rule.absolute), required: true, into: \.from,
                "Its path in the image; `*` stands for any text, and the highest version wins."),
            Field(
                "to", .text("a path on the partition", fault: Rule.absolute), required: true, into: \.to,
                "Its path on the partition, such as /EFI/BOOT/BOOTX64.EFI, which firmware starts by itself."),
        ])
}

extension Table<InitramfsDraft> {
    static let initramfs = Table(
        "A small initial RAM disk made of the image's files.",
        [
            Field(
                "to", .text("a path in the image", fault: Rule.absolute), required: true, into: \.to,
                "Its path in the image, by which `boot` names it."),
            Field(
                "over", .text("a path in the image", fault: Rule.absolute), into: \.over,
                "The image's own initial RAM disk, to which this one is a second layer; `*` stands for any text, and the highest version wins."
            ),
            Field(
                "init", .text("a path", mayBeEmpty: false), into: \.start,
                "The program or script that is process 1, if not that of `over`; a relative path begins at the recipe's folder."),
            Field(
                "files", .list(of: .text("a path in the image", fault: Rule.absolute), atMost: 1024), into: \.files,
                "Files of the image that are in it, such as `/bin/busybox`; `*` stands for any text."),
            Field(
                "modules", .list(of: .text("a module's name", pattern: "^[A-Za-z0-9_-]+$", fault: Rule.module), atMost: 256),
                into: \.modules,
                "The kernel's modules that are in it, in the order in which they are to be loaded; `/modules` lists them."),
        ])
}

extension Table<FileDraft> {
    /// Of an image's last layer.
    static let file = table(folder: "the recipe's")
    /// Of a machine's own layer.
    static let machineFile = table(folder: "the lab file's")

    private static func table(folder: String) -> Table {
        Table(
            "One file that is laid over the image: exactly one of `text`, `from` and `symlink`.",
            [
                Field(
                    "to", .text("a path in the image", fault: Rule.absolute), required: true, into: \.to, "Its absolute path in the image."),
                Field("text", .text("text", atMost: Limits.scalar, lines: true), into: \.text, "Its content."),
                Field(
                    "from", .text("a path", mayBeEmpty: false), into: \.from,
                    "A file whose content it gets; a relative path begins at \(folder) folder."),
                Field("symlink", .text("a link target", mayBeEmpty: false), into: \.symlink, "What it points to, as a symbolic link."),
                Field("mode", .mode, into: \.mode, "Its permission bits in octal; \"0644\" if not given."),
            ])
    }
}

extension Shape<UInt16> {
    /// Permission bits in octal, as `chmod` takes them.
    static let mode = Shape<String>.text("permission bits such as \"0644\"", pattern: "^0?[0-7]{3,4}$") { text in
        let isOctal = text.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x37 }
        guard isOctal, text.utf8.count >= 3, let bits = UInt16(text, radix: 8), bits <= 0o7777, text.utf8.count <= 5 else {
            return "\(quoted(text)) are not permission bits; write them in octal, such as \"0644\""
        }
        return nil
    }.map { UInt16($0, radix: 8) ?? 0o644 }
}

/// What text in a recipe may be where it ends up in another program's arguments or as a path in an image.
private enum Rule {
    static let wordPattern = "^[a-z0-9][a-z0-9.-]*$"
    static let packagePattern = "^[a-z0-9][a-z0-9+.:=~_/-]*$"

    @Sendable static func word(_ text: String) -> String? {
        plain(text, "-.") ? nil : "\(quoted(text)) is not a name; letters a to z, digits, `-` and `.` are allowed"
    }

    @Sendable static func package(_ text: String) -> String? {
        plain(text, "+-.:=~_/") ? nil : "\(quoted(text)) is not the name of a package"
    }

    @Sendable static func module(_ text: String) -> String? {
        let isName = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            default: "_-".utf8.contains(byte)
            }
        }
        return isName && !text.isEmpty ? nil : "\(quoted(text)) is not the name of a kernel module"
    }

    private static func plain(_ text: String, _ punctuation: String) -> Bool {
        func isAlphanumeric(_ scalar: Unicode.Scalar) -> Bool { scalar >= "a" && scalar <= "z" || scalar >= "0" && scalar <= "9" }
        guard let first = text.unicodeScalars.first, isAlphanumeric(first) else { return false }
        return text.unicodeScalars.allSatisfy { isAlphanumeric($0) || punctuation.unicodeScalars.contains($0) }
    }

    @Sendable static func digest(_ text: String) -> String? {
        let isHexadecimal = text.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 || $0 >= 0x61 && $0 <= 0x66 }
        if text.utf8.count != 64 { return "a SHA-256 digest has 64 hexadecimal digits, not \(text.utf8.count)" }
        return isHexadecimal ? nil : "a SHA-256 digest has only the digits 0 to 9 and a to f"
    }

    @Sendable static func absolute(_ text: String) -> String? {
        if !text.hasPrefix("/") { return "\(quoted(text)) is not an absolute path in the image: it begins with `/`" }
        let parts = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        if parts.contains("..") || parts.contains(".") { return "\(quoted(text)) goes through `.` or `..`; write the path itself" }
        if parts.contains("") { return "\(quoted(text)) does not name a file" }
        if parts.contains(where: { $0.utf8.count > 255 }) { return "a part of \(quoted(text)) is longer than 255 bytes" }
        return nil
    }
}
