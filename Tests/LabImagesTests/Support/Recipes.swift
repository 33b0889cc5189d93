import LabImages
import LabModel

/// Recipes for tests, with everything that a test does not care about filled in.
enum Recipes {
    static func image(
        source: ImageRecipe.Source, kernel: String? = "/boot/vmlinuz-*", initrd: String? = nil, modules: [ImageRecipe.Module] = [],
        disk: ByteCount? = nil,
        diskFile: ImageRecipe.DiskFile? = nil, efiDisk: ImageRecipe.EFIDisk? = nil, initramfs: ImageRecipe.Initramfs? = nil,
        files: [ImageRecipe.File] = [], folder: String = "/"
    ) -> ImageRecipe {
        ImageRecipe(
            name: "test", source: source,
            boot: .init(protocolName: .automatic, kernel: kernel, initrd: initrd, commandLine: "root=/dev/vda", modules: modules),
            disk: disk.map { ImageRecipe.Disk(fileSystem: .ext4, size: $0, journal: true) }, diskFile: diskFile,
            efiDisk: efiDisk, initramfs: initramfs, files: files, folder: folder)
    }
}
