internal import Glibc
internal import Host
internal import LabModel

/// A disk that UEFI firmware boots from: one EFI system partition with files of the image in it.
enum EFIDisk {
    /// - Parameters:
    ///   - files: each one's path on the partition, and where its content is now.
    ///   - name: the recipe's name; two images of one content and different names have different identities.
    static func write(
        _ path: String, size: ByteCount, _ files: [(to: String, content: String)], of name: String
    ) throws(ImageError) {
        guard ImageRecipe.EFIDisk.sizes.contains(size) else {
            throw ImageError(.recipe("a disk with an EFI system partition has 40MiB to 32GiB"), name)
        }
        let salt = Array(name.utf8)
        let table = PartitionTable(size: size, salt: salt)
        let disk = try Folder.create(path)
        do throws(OSError) {
            try disk.truncate(to: size.bytes)
            for piece in table.pieces { try disk.write(piece.bytes, at: piece.sector * PartitionTable.sector) }
        } catch {
            throw ImageError(error, path)
        }
        var volume = try FATVolume(disk, at: table.partition, name: name, salt: salt)
        for file in files { try volume.add(file.to, try Folder.read(file.content, limit: Int(BootFiles.maximumSize))) }
        try volume.finish()
    }
}
