import LabImages
import LabModel

/// Recipes for tests, with everything that a test does not care about filled in.
enum Recipes {
    static func image(
        source: ImageRecipe.Source, kernel: String? = "/boot/vmlinuz-*", initrd: String? = nil, disk: ByteCount? = nil,
        files: [ImageRecipe.File] = [], folder: String = "/"
    ) -> ImageRecipe {
        ImageRecipe(
            name: "test", source: source,
            boot: .init(protocolName: .automatic, kernel: kernel, initrd: initrd, commandLine: "root=/dev/vda"),
            disk: disk.map { ImageRecipe.Disk(fileSystem: .ext4, size: $0, journal: true) }, files: files, folder: folder)
    }
}
