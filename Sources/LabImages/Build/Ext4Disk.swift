internal import Glibc
internal import Host
internal import LabModel

/// The disk of an image while it is being filled.
enum Ext4Disk {
    /// - Parameter name: the recipe's name; two images of one content and different names have different UUIDs.
    static func create(_ path: String, _ disk: ImageRecipe.Disk, of name: String) throws(ImageError) -> Ext4Writer {
        let file: Descriptor
        do throws(OSError) {
            file = try Descriptor.open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW)
        } catch {
            throw ImageError(error, path)
        }
        let options = Ext4Options(size: disk.size, journal: disk.journal, time: OverlayLayer.epoch, salt: Array(name.utf8))
        do throws(SinkError) {
            return try Ext4Writer(file, name: path, options: options)
        } catch {
            throw ImageError(error, archive: path)
        }
    }

    static func finish(_ disk: consuming Ext4Writer, _ path: String) throws(ImageError) {
        do throws(SinkError) {
            _ = try disk.finish()
        } catch {
            throw ImageError(error, archive: path)
        }
    }
}
