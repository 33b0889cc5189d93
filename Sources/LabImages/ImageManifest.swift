internal import FoundationEssentials
package import LabModel

/// `image.json`: what a built image holds. Written last, so an image folder with one is whole.
package struct ImageManifest: Hashable, Sendable, Codable {
    /// Grows when an older vmlab could misread a newer manifest.
    static let currentVersion = 2

    package var version: Int
    package var name: String
    package var key: String
    package var protocolName: ImageRecipe.BootProtocol
    package var commandLine: String
    package var kernel: File?
    package var initrd: File?
    package var firmware: File?
    package var nvram: File?
    package var cdrom: File?
    /// What the kernel is handed besides, in order.
    package var modules: [File] = []
    package var disk: Disk?

    /// A file taken out of the image's own file system and stored beside its disk.
    package struct File: Hashable, Sendable, Codable {
        /// Where it stood in the image (`/boot/vmlinuz-6.1.0-9-cloud-amd64`), or the file the recipe named.
        package var origin: String
        package var size: UInt64
        package var sha256: Digest
    }

    package struct Disk: Hashable, Sendable, Codable {
        package var size: UInt64
        /// Bytes the host's file system had allocated for it when it was made: what it costs.
        package var allocated: UInt64
        /// Digest of the content (`DiskDigest`): equal for equal disks whatever the host's file system does with holes.
        package var contents: Digest
    }

    /// The bytes of `image.json`: sorted keys, so equal manifests are equal files.
    func encoded() -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        // A struct of numbers and text always has a JSON form.
        return Array((try? encoder.encode(self)) ?? Data()) + [UInt8(ascii: "\n")]
    }

    /// `nil` for anything but a manifest of a version known here: the image is then built again.
    init?(json: [UInt8]) {
        guard let manifest = try? JSONDecoder().decode(ImageManifest.self, from: Data(json)),
            manifest.version == ImageManifest.currentVersion
        else { return nil }
        self = manifest
    }

    init(name: String, key: String, boot: ImageRecipe.Boot) {
        version = ImageManifest.currentVersion
        self.name = name
        self.key = key
        protocolName = boot.protocolName
        commandLine = boot.commandLine
    }
}

/// An image that is whole and in the cache.
package struct BuiltImage: Hashable, Sendable {
    package var key: String
    package var folder: ImageFolder
    package var manifest: ImageManifest

    package var kernel: String? { manifest.kernel == nil ? nil : folder.kernel }
    package var initrd: String? { manifest.initrd == nil ? nil : folder.initrd }
    package var disk: String? { manifest.disk == nil ? nil : folder.disk }
}
