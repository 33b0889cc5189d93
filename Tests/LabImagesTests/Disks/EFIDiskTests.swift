import LabImages
import LabModel
import Testing

/// Disks for UEFI firmware, judged by tools that have nothing to do with us: `sgdisk` and `fsck.vfat` for the structure, mtools for what is in it.
@Suite struct EFIDiskTests {
    /// An archive with these files, each with its own name as content, and as many more bytes as asked for.
    private func recipe(_ scratch: Scratch, _ copies: [(from: String, to: String)], size: UInt64, padding: Int = 0) throws -> ImageRecipe {
        for name in Set(copies.map { $0.from.replacing("*", with: "1") }) {
            try scratch.shell(
                "mkdir -p t/boot \"t/$(dirname '\(name)')\"; printf '%s' '\(name)' >'t/\(name)'; head -c \(padding) /dev/zero >>'t/\(name)'"
            )
        }
        try scratch.shell("echo kernel >t/boot/vmlinuz-1; tar cf a.tar -C t .")
        return Recipes.image(
            source: .archive(path: "a.tar", sha256: nil),
            efiDisk: .init(size: ByteCount(bytes: size), files: copies.map { .init(from: $0.from, to: $0.to) }), folder: scratch.path)
    }

    /// Takes the partition out of the disk after all have had their say.
    private func judge(_ scratch: Scratch, _ disk: String) throws {
        let table = try scratch.shell("PATH=$PATH:/usr/sbin sgdisk -v '\(disk)'; PATH=$PATH:/usr/sbin sgdisk -i 1 '\(disk)'")
        #expect(table.contains("No problems found") && table.contains("C12A7328-F81F-11D2-BA4B-00A0C93EC93B"), "\(table)")
        let last = try #require(table.firstMatch(of: #/Last sector: (\d+)/#)?.1)
        try scratch.shell("dd if='\(disk)' of=esp bs=1M skip=1 count=$(((\(last) + 1) / 2048 - 1)) conv=sparse status=none")
        let check = try scratch.shell("PATH=$PATH:/usr/sbin fsck.vfat -n esp")
        #expect(check.contains(#/: \d+ files, \d+\/\d+ clusters/#) && check.split(separator: "\n").count == 2, "\(check)")
    }

    /// Small, middle-sized and large clusters.
    @Test(arguments: [40, 300, 9000] as [UInt64])
    func `a disk has one EFI system partition, with the files that the recipe names`(mebibytes: UInt64) throws {
        let scratch = try Scratch()
        let copies = [
            ("/usr/lib/grubx64.efi", "/EFI/BOOT/BOOTX64.EFI"), ("/boot/grub.cfg", "/EFI/debian/grub.cfg"),
            ("/boot/initrd-*", "/A name of many words, which is longer than one entry holds.and.dots"), ("/boot/vmlinuz-*", "/vmlinuz"),
            ("/usr/e", "/größe.TXT"),
        ]
        let recipe = try recipe(scratch, copies, size: mebibytes << 20, padding: 5000)
        let image = try ImageStore(paths: scratch.paths).build(recipe)
        let disk = try #require(image.disk)
        try judge(scratch, disk)
        let list = try scratch.shell("mdir -b -/ -i esp ::")
        for (_, to) in copies where to != "/größe.TXT" { #expect(list.contains("::\(to)\n"), "\(list)") }
        #expect(try scratch.shell("mtype -i esp ::/EFI/BOOT/BOOTX64.EFI | head -c 20") == "/usr/lib/grubx64.efi")
        #expect(try scratch.shell("mtype -i esp ::/efi/DEBIAN/GRUB.CFG | wc -c") == "5014\n")
        // The same recipe gives the same bytes, and only the named files are in it.
        #expect(!list.contains("lib") && list.split(separator: "\n").filter { !$0.hasSuffix("/") }.count == copies.count, "\(list)")
        let again = try Scratch()
        try again.shell("cp -a '\(scratch.path)/a.tar' .")
        var same = recipe
        same.folder = again.path
        let twin = try ImageStore(paths: again.paths).build(same)
        try again.shell("cmp '\(disk)' '\(#require(twin.disk))'")
        #expect(image.manifest.disk?.contents == twin.manifest.disk?.contents)
        same.efiDisk?.files[0].to = "/EFI/BOOT/BOOTIA32.EFI"
        #expect(try ImageStore(paths: again.paths).key(of: same) != twin.key)
    }

    @Test func `folders of many files grow beyond a cluster, the root too`() throws {
        let scratch = try Scratch()
        let copies = (1...200).flatMap { [("/one", "/file number \($0)"), ("/one", "/folder/file number \($0).text")] }
        let image = try ImageStore(paths: scratch.paths).build(try recipe(scratch, copies, size: 40 << 20))
        try judge(scratch, #require(image.disk))
        #expect(try scratch.shell("mdir -b -/ -i esp :: | grep -c 'file number'") == "400\n")
        #expect(try scratch.shell("mtype -i esp '::/folder/file number 200.text'") == "/one")
    }

    @Test(arguments: [
        ([("/a", "/a"), ("/b", "/A")], "/A is there twice"), ([("/a", "/a"), ("/b", "/A/b")], "/A/b goes through a file"),
        ([("/a", "/a:b")], "\"a:b\" is no name for a FAT file system"), ([("/a", "/a/b.")], "\"b.\" is no name for a FAT file system"),
        ([("/nothing", "/x")], "no file matches /nothing"),
    ])
    func `what FAT cannot hold is said, and nothing is kept`(copies: [(String, String)], complaint: String) throws {
        let scratch = try Scratch()
        var recipe = try recipe(scratch, copies.map { ($0.0, $0.1) }, size: 40 << 20)
        if complaint.hasPrefix("no file") { try scratch.shell("rm t/nothing; tar cf a.tar -C t .") }
        recipe.folder = scratch.path
        let store = ImageStore(paths: scratch.paths)
        let error = #expect(throws: ImageError.self) { try store.build(recipe) }
        #expect(error?.description.contains(complaint) == true, "\(String(describing: error))")
        #expect(try store.lookup(store.key(of: recipe)) == nil)
    }

    @Test func `files that do not fit are told by how much`() throws {
        let scratch = try Scratch()
        let recipe = try recipe(scratch, [("/a", "/a"), ("/a", "/b"), ("/a", "/c")], size: 40 << 20, padding: 15 << 20)
        let error = #expect(throws: ImageError.self) { try ImageStore(paths: scratch.paths).build(recipe) }
        guard case .diskTooSmall(_, let needed) = error?.problem else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect((45 << 20)...(50 << 20) ~= needed.bytes)
    }
}
