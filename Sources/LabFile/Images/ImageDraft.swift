import LabModel

/// An image recipe as it was written.
struct ImageDraft: Sendable {
    var name = Written<String>.absent
    var from = Written<SourceDraft>.absent
    var boot = Written<BootDraft>.absent
    var disk = Written<ImageDiskDraft>.absent
    var cdrom = Written<CDDraft>.absent
    var initramfs = Written<InitramfsDraft>.absent
    var files = Written<[Marked<FileDraft>]>.absent
}

/// Exactly one of them is there in a recipe that is right.
struct SourceDraft: Sendable {
    var mmdebstrap = Written<MmdebstrapDraft>.absent
    var archive = Written<ArchiveDraft>.absent
    var deb = Written<DebDraft>.absent
    var wheel = Written<WheelDraft>.absent
    var disk = Written<DiskSourceDraft>.absent
    var kernel = Written<KernelDraft>.absent

    /// Where the sources stand that are written.
    var marks: [Mark] { [mmdebstrap.mark, archive.mark, deb.mark, wheel.mark, disk.mark, kernel.mark].compactMap { $0 } }
}

struct MmdebstrapDraft: Sendable {
    var suite = Written<String>.absent
    var packages = Written<[Marked<String>]>.absent
    var variant = Written<String>.absent
    var architecture = Written<String>.absent
}

struct ArchiveDraft: Sendable {
    var path = Written<String>.absent
    var sha256 = Written<String>.absent
}

/// A package's name alone is the first of `packages`.
struct DebDraft: Sendable {
    var packages = Written<[Marked<String>]>.absent
    var suite = Written<String>.absent
    var architecture = Written<String>.absent
}

struct WheelDraft: Sendable {
    var package = Written<String>.absent
    var version = Written<String>.absent
    var sha256 = Written<String>.absent
}

struct DiskSourceDraft: Sendable {
    var path = Written<String>.absent
    var format = Written<ImageRecipe.DiskFormat>.absent
    var sha256 = Written<String>.absent
}

struct KernelDraft: Sendable {
    var path = Written<String>.absent
}

struct BootDraft: Sendable {
    var protocolName = Written<ImageRecipe.BootProtocol>.absent
    var board = Written<ImageRecipe.Board>.absent
    var kernel = Written<String>.absent
    var initrd = Written<String>.absent
    var commandLine = Written<String>.absent
    var firmware = Written<String>.absent
    var nvram = Written<String>.absent
    var modules = Written<[Marked<ModuleDraft>]>.absent
}

struct ModuleDraft: Sendable {
    var from = Written<String>.absent
    var text = Written<String>.absent
}

struct ImageDiskDraft: Sendable {
    var from = Written<String>.absent
    var format = Written<ImageRecipe.DiskFormat>.absent
    var fileSystem = Written<ImageRecipe.FileSystem>.absent
    var size = Written<ByteCount>.absent
    var journal = Written<Bool>.absent
    var bus = Written<DiskBus>.absent
    var files = Written<[Marked<PartitionFileDraft>]>.absent
}

struct CDDraft: Sendable {
    var from = Written<String>.absent
}

struct PartitionFileDraft: Sendable {
    var from = Written<String>.absent
    var to = Written<String>.absent
}

struct InitramfsDraft: Sendable {
    var to = Written<String>.absent
    var over = Written<String>.absent
    var start = Written<String>.absent
    var files = Written<[Marked<String>]>.absent
    var modules = Written<[Marked<String>]>.absent
}

struct FileDraft: Sendable {
    var to = Written<String>.absent
    var text = Written<String>.absent
    var from = Written<String>.absent
    var symlink = Written<String>.absent
    var mode = Written<UInt16>.absent
}
