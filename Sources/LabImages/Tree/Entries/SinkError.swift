package import LabModel

/// Why a sink could not take an archive.
package enum SinkError: Error, Hashable, Sendable {
    /// The archive asks for something that no image may hold; `path` as the archive spells it.
    case refused(path: [UInt8], RefusedEntry)
    /// The content does not fit the declared size. `needed` is the smallest size that holds all of it (the whole archive was
    /// counted before this was thrown).
    case diskTooSmall(declared: ByteCount, needed: ByteCount)
    /// The host's filesystem is full. `needed` is how much the sink still had to write when it found out, as far as it knew.
    case hostFull(output: String, needed: ByteCount)
    /// The host refused to read or write the image: what was being done, and the errno it answered.
    case host(output: String, doing: String, errno: Int32)
    /// No disk of this size can be made.
    case unsupportedSize(declared: ByteCount, smallest: ByteCount, largest: ByteCount)
}

/// What was wrong with one archive entry.
package enum RefusedEntry: Error, Hashable, Sendable {
    case emptyPath
    case nulInPath
    /// `..` beyond the root of the image.
    case escapesRoot
    case pathTooLong(bytes: Int, limit: Int)
    case nameTooLong(bytes: Int, limit: Int)
    case tooDeep(limit: Int)
    /// More symbolic links on the way than a kernel follows.
    case tooManySymlinks(limit: Int)
    /// A component on the way is there, and is neither a directory nor a symbolic link.
    case parentNotDirectory(component: [UInt8])
    /// `/` and `/lost+found` are directories and stay so.
    case mustBeDirectory
    case hardlinkTargetMissing(target: [UInt8])
    case hardlinkToDirectory(target: [UInt8])
    case tooManyLinks(limit: Int)
    case tooManyEntries(limit: Int)
    /// More bytes of link targets or of attributes, in this image, than are kept in memory.
    case tooMuchHeld(limit: Int)
    /// The directory has more names than its two-level index holds.
    case directoryTooLarge
    case emptySymlink
    case symlinkTooLong(bytes: Int, limit: Int)
    case fileTooLarge(bytes: UInt64, limit: UInt64)
    /// More separate pieces of data, in this image, than are kept track of.
    case tooManyPieces(limit: Int)
    /// Data that goes back behind what was there already.
    case dataOutOfOrder(offset: UInt64)
    /// Data beyond the declared size.
    case dataBeyondSize(offset: UInt64, size: UInt64)
    /// Data on an entry that is neither a file nor a hard link.
    case unexpectedData
    case deviceNumberTooLarge(major: UInt32, minor: UInt32)
    case attributeNameTooLong(name: [UInt8], limit: Int)
    case attributeRepeated(name: [UInt8])
    case attributesTooLarge(bytes: Int, limit: Int)
    case tooManyAttributes(limit: Int)
    case malformedACL(name: [UInt8])
}

extension SinkError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .refused(let path, let reason): "\(quoted(path)): \(reason)"
        case .diskTooSmall(let declared, let needed): "the disk is too small: \(declared) declared, \(needed) needed"
        case .hostFull(let output, let needed): "\(output): no space left, \(needed) more needed"
        case .host(let output, let doing, let errno): "\(output): \(doing): errno \(errno)"
        case .unsupportedSize(let declared, let smallest, let largest):
            "a disk of \(declared) cannot be made: at least \(smallest), at most \(largest)"
        }
    }
}

extension RefusedEntry: CustomStringConvertible {
    package var description: String {
        switch self {
        case .emptyPath: "an entry without a path"
        case .nulInPath: "a path with a zero byte"
        case .escapesRoot: "the path leads out of the image"
        case .pathTooLong(let bytes, let limit): "a path of \(bytes) bytes, over the limit of \(limit)"
        case .nameTooLong(let bytes, let limit): "a name of \(bytes) bytes, over the limit of \(limit)"
        case .tooDeep(let limit): "deeper than \(limit) directories"
        case .tooManySymlinks(let limit): "more than \(limit) symbolic links on the way"
        case .parentNotDirectory(let component): "\(quoted(component)) is not a directory"
        case .mustBeDirectory: "can only be a directory"
        case .hardlinkTargetMissing(let target): "a hard link to \(quoted(target)), which is not in the archive"
        case .hardlinkToDirectory(let target): "a hard link to \(quoted(target)), a directory"
        case .tooManyLinks(let limit): "more than \(limit) names for one file"
        case .tooManyEntries(let limit): "more than \(limit) entries"
        case .tooMuchHeld(let limit): "more than \(limit) bytes of link targets or attributes in the image"
        case .directoryTooLarge: "too many names in one directory"
        case .emptySymlink: "a symbolic link without a target"
        case .symlinkTooLong(let bytes, let limit): "a symbolic link to \(bytes) bytes, over the limit of \(limit)"
        case .fileTooLarge(let bytes, let limit): "a file of \(bytes) bytes, over the limit of \(limit)"
        case .tooManyPieces(let limit): "more than \(limit) separate pieces of data in the image"
        case .dataOutOfOrder(let offset): "data at \(offset), behind data that was there already"
        case .dataBeyondSize(let offset, let size): "data up to \(offset) in a file of \(size) bytes"
        case .unexpectedData: "data where none can be"
        case .deviceNumberTooLarge(let major, let minor): "device \(major):\(minor) is out of range"
        case .attributeNameTooLong(let name, let limit): "attribute name \(quoted(name)) is over the limit of \(limit) bytes"
        case .attributeRepeated(let name): "attribute \(quoted(name)) comes twice"
        case .attributesTooLarge(let bytes, let limit): "attributes of \(bytes) bytes, over the limit of \(limit)"
        case .tooManyAttributes(let limit): "more than \(limit) attributes"
        case .malformedACL(let name): "\(quoted(name)) is not an access control list"
        }
    }
}

/// A name from an archive, safe to print: quotes around it, everything but printable ASCII and whole UTF-8 letters escaped,
/// cut off where it would fill the screen.
package func quoted(_ name: [UInt8]) -> String {
    let shown = 200
    var text = "'"
    for scalar in String(decoding: name.prefix(shown), as: UTF8.self).unicodeScalars {
        switch scalar {
        case "'", "\\": text += "\\\(scalar)"
        case "\u{FFFD}": text += "\\?"
        case _ where scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format:
            text += "\\u{\(String(scalar.value, radix: 16))}"
        default: text.unicodeScalars.append(scalar)
        }
    }
    return text + (name.count > shown ? "..." : "") + "'"
}
