import Glibc
import Host
import LabFile
import LabImages
import LabModel
import Testing

/// A machine's disk that becomes an image.
@Suite struct DiskImportTests {
    let scratch: Scratch
    let store: ImageStore
    let start: ImageRecipe
    let built: BuiltImage

    init() throws {
        scratch = try Scratch()
        store = ImageStore(paths: scratch.paths)
        try scratch.shell(
            "mkdir t; echo kernel >t/k; echo ram >t/ram; echo bios >t/fw; echo 0123 >t/vars; echo m >t/m; tar cf a.tar -C t .")
        var start = Recipes.image(
            source: .archive(path: "a.tar", sha256: nil), kernel: "/k", initrd: "/ram", modules: [.init(from: "/m", text: "a \"b\" $(c)")],
            folder: scratch.path)
        start.boot.firmware = "/fw"
        start.boot.nvram = "/vars"
        start.boot.protocolName = .linux
        start.boot.commandLine = "root=/dev/vda1 x='1: # \"2\"'"
        self.start = start
        built = try store.build(start)
    }

    private func disk(
        _ source: DiskImport.Source, name: String = "mine", bus: DiskBus = .virtio, variables: DiskImport.Source? = nil
    ) -> DiskImport {
        DiskImport(
            name: name, comment: "A disk.", disk: source, bus: bus, variables: variables, start: start, startFiles: built.folder)
    }

    private struct HostedFiles: Files {
        func contents(of path: String, limit: Int) throws(FileTrouble) -> [UInt8] {
            guard let bytes = try? Folder.read(path, limit: limit) else { throw .missing }
            return bytes
        }

        func names(in folder: String) throws(FileTrouble) -> [String] { Folder.names(folder) }
    }

    private func recipe(_ name: String = "mine") throws -> ImageRecipe {
        try ImageCatalogue(places: [scratch.file("Images")], files: HostedFiles()).recipe(named: name)
    }

    @Test func `starts on the board that it was installed on`() throws {
        try scratch.shell("truncate -s 1M d")
        var start = start
        start.boot.firmware = nil
        start.boot.nvram = nil
        start.boot.board = .cloudHypervisor
        let disk = DiskImport(
            name: "mine", comment: "A disk.", disk: .raw(path: scratch.file("d")), bus: .virtio, variables: nil, start: start,
            startFiles: built.folder)
        _ = try disk.write(into: scratch.file("Images"))
        #expect(try recipe().boot.board == .cloudHypervisor)
    }

    @Test func `is read as a recipe, and what is built of it is that disk, with what it starts with`() throws {
        try scratch.shell(
            "truncate -s 3M d; echo here | dd of=d bs=1 seek=2000000 conv=notrunc status=none; echo end | tail -c 4 | dd of=d bs=1 seek=3145724 conv=notrunc status=none"
        )
        let folder = try disk(.raw(path: scratch.file("d")), bus: .ide).write(into: scratch.file("Images"))
        #expect(folder == scratch.file("Images/mine"))
        let recipe = try recipe()
        #expect(recipe.diskBus == .ide && recipe.diskFile == .init(from: nil, format: .raw))
        #expect(recipe.boot.commandLine == start.boot.commandLine && recipe.boot.protocolName == .linux)
        #expect(recipe.boot.modules.map(\.text) == start.boot.modules.map(\.text))
        let image = try store.build(recipe)
        try scratch.shell("cmp d \(#require(image.disk))")
        for (path, text) in [
            (image.folder.kernel, "kernel\n"), (image.folder.initrd, "ram\n"), (image.folder.firmware, "bios\n"),
            (image.folder.nvram, "0123\n"),
            (image.folder.module(0), "m\n"),
        ] {
            #expect(try Folder.read(path, limit: 100) == Array(text.utf8))
        }
        // Holes stay holes.
        #expect(try scratch.shell("du -k Images/mine/disk.raw | cut -f1").hasPrefix("8") == true)
    }

    @Test func `holds what a machine has changed of its base, and of its firmware's variables`() throws {
        try scratch.shell("head -c 262144 /dev/zero | tr '\\0' b >base; truncate -s 8192 vars")
        for (base, name, bytes) in [("base", "delta", "changed"), ("vars", "vars.delta", "stored")] {
            let size = try FileStatus(of: scratch.file(base)).size
            let file = try Descriptor.open(scratch.file(name), O_RDWR | O_CREAT, mode: 0o600)
            try file.truncate(to: DeltaDisk.length(forBaseOf: size))
            let delta = try DeltaDisk(base: Descriptor.open(scratch.file(base), O_RDONLY), delta: file, isReadOnly: false)
            var text = Array(bytes.utf8)
            try text.withUnsafeMutableBytes { try delta.write(at: 4096, from: [$0]) }
            try delta.flush()
        }
        let folder = try disk(
            .delta(base: scratch.file("base"), path: scratch.file("delta")),
            variables: .delta(base: scratch.file("vars"), path: scratch.file("vars.delta"))
        ).write(into: scratch.file("Images"))
        try scratch.shell(
            "cp base wanted; printf changed | dd of=wanted bs=1 seek=4096 conv=notrunc status=none; cmp wanted \(folder)/disk.raw")
        #expect(try scratch.shell("tail -c +4097 \(folder)/nvram | head -c 6") == "stored")
    }

    @Test func `is not made of a disk that a machine writes to, and no machine writes while it is made`() throws {
        try scratch.shell("truncate -s 4M d; truncate -s 1M vars")
        do {
            let machine = try Descriptor.open(scratch.file("d"), O_RDWR)
            #expect(try machine.lock())
            let busy = #expect(throws: ImageError.self) { try disk(.raw(path: scratch.file("d"))).write(into: scratch.file("Images")) }
            #expect(busy?.description.contains("a machine writes to") == true)
        }
        let path = scratch.file("d")
        let vars = scratch.file("vars")
        var seen: [Bool] = []
        _ = try disk(.raw(path: path), variables: .raw(path: vars)).write(into: scratch.file("Images")) { _ in
            for file in [path, vars] { seen.append((try? Descriptor.open(file, O_RDWR).lock()) ?? true) }
        }
        #expect(seen.count > 2 && !seen.contains(true))
        let free = try Descriptor.open(path, O_RDWR).lock()
        #expect(free)
        #expect(try scratch.shell("ls -A Images") == "mine\n")
    }

    @Test func `two of one name do not meet`() throws {
        try scratch.shell("truncate -s 1M d; truncate -s 1M e")
        let place = scratch.file("Images")
        let other = disk(.raw(path: scratch.file("e")))
        var second: String?
        _ = try disk(.raw(path: scratch.file("d"))).write(into: place) { _ in
            do throws(ImageError) { _ = try other.write(into: place) } catch { second = second ?? error.description }
        }
        #expect(second?.contains("another import makes it") == true)
        #expect(try scratch.shell("ls -A Images; stat -c %s Images/mine/disk.raw") == "mine\n1048576\n")
    }

    @Test func `is whole or not there, and never replaces one that is`() throws {
        try scratch.shell("truncate -s 1M d; mkdir -p Images/.mine.unfinished; echo old >Images/.mine.unfinished/disk.raw")
        _ = try disk(.raw(path: scratch.file("d"))).write(into: scratch.file("Images"))
        let again = #expect(throws: ImageError.self) { try disk(.raw(path: scratch.file("d"))).write(into: scratch.file("Images")) }
        #expect(again?.description.contains("something has this name already") == true)
        try scratch.shell("rm \(built.folder.firmware)")
        for (source, name) in [
            (DiskImport.Source.raw(path: scratch.file("nothing")), "a"), (.raw(path: scratch.file("d")), "b"),
            (.delta(base: scratch.file("d"), path: scratch.file("d")), "c"),
        ] {
            #expect(throws: ImageError.self) { try disk(source, name: name).write(into: scratch.file("Images")) }
        }
        #expect(try scratch.shell("ls -A Images") == "mine\n")
    }
}
