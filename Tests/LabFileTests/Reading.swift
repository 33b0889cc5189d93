import LabFile
import LabModel

/// Files that exist in memory only.
struct FilesInMemory: Files {
    var contents: [String: [UInt8]] = [:]
    var refused: [String: String] = [:]

    init(_ texts: [String: String] = [:]) { contents = texts.mapValues { Array($0.utf8) } }

    func contents(of path: String, limit: Int) throws(FileTrouble) -> [UInt8] {
        if let reason = refused[path] { throw .refused(reason) }
        if let bytes = contents[path] { return Array(bytes.prefix(limit)) }
        throw contents.keys.contains { $0.hasPrefix(path + "/") } ? .otherKind : .missing
    }

    func names(in folder: String) throws(FileTrouble) -> [String] {
        if let reason = refused[folder] { throw .refused(reason) }
        if contents[folder] != nil { throw .otherKind }
        let inside = folder == "." ? "" : folder + "/"
        let names = Set(
            contents.keys.filter { $0.hasPrefix(inside) }.map { $0.dropFirst(inside.count).prefix { $0 != "/" } }.map(String.init))
        if names.isEmpty { throw .missing }
        return names.sorted().reversed()
    }
}

/// Lab files read as `vmlab` reads them, with images that need no disk.
enum Reading {
    static let pulse = "name: pulse\nfrom: {kernel: {path: pulse.elf}}\n"
    static let debian = """
        name: debian-12
        from:
          mmdebstrap: {suite: bookworm, packages: [linux-image-cloud-amd64, systemd-sysv]}
        boot: {protocol: linux, kernel: /boot/vmlinuz-*, initrd: /boot/initrd.img-*, cmdline: "root=/dev/vda rw"}
        disk: {filesystem: ext4, size: 2GiB}
        """
    static let files = FilesInMemory(["/p/Images/pulse/image.yaml": pulse, "/p/Images/debian-12/image.yaml": debian])

    static func lab(
        _ bytes: [UInt8], environment: [String: String] = [:], overrides: [String] = [], hostMemory: ByteCount? = nil,
        files: FilesInMemory = files
    ) -> Result<Lab, Diagnostics> {
        let catalogue = ImageCatalogue(forLabIn: "/p/labs/shop", then: [], files: files)
        let reader = LabReader(
            catalogue: catalogue, folder: "/p/labs/shop", environment: environment, overrides: overrides, hostMemory: hostMemory)
        do throws(Diagnostics) { return .success(try reader.read(bytes, name: "lab.yaml")) } catch { return .failure(error) }
    }

    static func lab(
        _ text: String, environment: [String: String] = [:], overrides: [String] = [], hostMemory: ByteCount? = nil,
        files: FilesInMemory = files
    ) -> Result<Lab, Diagnostics> {
        lab(Array(text.utf8), environment: environment, overrides: overrides, hostMemory: hostMemory, files: files)
    }

    static func diagnostics(_ result: Result<Lab, Diagnostics>) -> [Diagnostic] {
        if case .failure(let diagnostics) = result { diagnostics.list } else { [] }
    }

    /// `line:column message` of everything wrong with a text.
    static func mistakes(_ text: String) -> [String] {
        diagnostics(lab(text)).map { "\($0.line):\($0.column) \($0.message)" }
    }
}
