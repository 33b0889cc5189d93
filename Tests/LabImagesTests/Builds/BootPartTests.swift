import LabImages
import LabModel
import Testing

/// What a machine starts from besides a disk: modules, an initramfs, a disk out of the image.
@Suite struct BootPartTests {
    private func store(_ scratch: Scratch) -> ImageStore { ImageStore(paths: scratch.paths) }

    @Test func `modules come out of the image and out of the recipe's files, and a packed kernel is unpacked`() throws {
        let scratch = try Scratch()
        try scratch.shell(
            "mkdir -p t/boot; echo kernel | gzip >t/boot/mach.gz; echo ram | gzip >t/boot/ram.gz; echo 1 >t/boot/m-1; echo 2 >t/boot/m-2; "
                + "tar cf a.tar -C t .")
        try scratch.write("task", "our task\n")
        let recipe = Recipes.image(
            source: .archive(path: "a.tar", sha256: nil), kernel: "/boot/mach.gz", initrd: "/boot/ram.gz",
            modules: [.init(from: "/boot/task", text: "a b"), .init(from: "/boot/m-*", text: "")],
            files: [.init(to: "/boot/task", content: .from(path: "task"), mode: 0o644)], folder: scratch.path)
        let image = try store(scratch).build(recipe)
        #expect(try Folder.read(#require(image.kernel), limit: 100) == Array("kernel\n".utf8))
        // Whoever unpacks it is the guest.
        #expect(try Folder.read(#require(image.initrd), limit: 100).starts(with: [0x1F, 0x8B]))
        #expect(try Folder.read(image.folder.module(0), limit: 100) == Array("our task\n".utf8))
        #expect(try Folder.read(image.folder.module(1), limit: 100) == Array("2\n".utf8))
        #expect(image.manifest.modules.map(\.origin) == ["/boot/task", "/boot/m-2"])
        #expect(store(scratch).lookup(image.key) == image)
        var other = recipe
        other.boot.modules[0].text = "a c"
        #expect(try store(scratch).key(of: other) != image.key)
        // A module that is gone is an image that is not whole.
        try scratch.shell("rm \(image.folder.module(1))")
        #expect(store(scratch).lookup(image.key) == nil)
    }

    @Test func `an initramfs holds files and modules of the image, in the order in which they are loaded`() throws {
        let scratch = try Scratch()
        try scratch.shell(
            """
            mkdir -p t/bin t/boot t/lib/modules/6.1/kernel/a; echo kernel >t/boot/vmlinuz-6.1; echo box >t/bin/busybox; chmod 755 t/bin/busybox
            echo one >t/lib/modules/6.1/kernel/a/virtio-net.ko; echo two | xz >t/lib/modules/6.1/kernel/a/virtio.ko.xz
            tar cf a.tar -C t .
            """)
        try scratch.write("init", "#!/bin/busybox sh\n")
        func recipe(_ modules: [String], _ files: [String] = ["/bin/busybox"]) -> ImageRecipe {
            Recipes.image(
                source: .archive(path: "a.tar", sha256: nil), initrd: "/boot/ram",
                initramfs: .init(to: "/boot/ram", start: "init", files: files, modules: modules), folder: scratch.path)
        }
        let image = try store(scratch).build(recipe(["virtio", "virtio_net"]))
        let listing = try scratch.shell(
            "mkdir x; cd x; cpio -idm --quiet init modules 'lib/*' 'bin/*' <\(#require(image.initrd)); cat modules")
        #expect(listing.hasSuffix("/lib/modules/virtio.ko\n/lib/modules/virtio_net.ko\n"), "\(listing)")
        #expect(
            try scratch.shell("cat x/lib/modules/virtio.ko x/lib/modules/virtio_net.ko x/bin/busybox x/init")
                == "two\none\nbox\n#!/bin/busybox sh\n")
        #expect(try scratch.shell("stat -c %a x/init x/bin/busybox") == "755\n755\n")
        #expect(try scratch.shell("cpio -tv --quiet <\(#require(image.initrd)) | grep dev/console").hasPrefix("crw-------"))
        let missing = #expect(throws: ImageError.self) { try store(scratch).build(recipe(["virtio", "no_such"])) }
        #expect(missing?.exitStatus == 65 && missing?.description.contains("no_such") == true)
        #expect(throws: ImageError.self) { try store(scratch).build(recipe([], ["/bin/nothing-*"])) }
    }

    @Test func `an initramfs over one of the image's is a second archive behind it, which wins where both have a file`() throws {
        let scratch = try Scratch()
        try scratch.shell(
            """
            mkdir -p t/i/9 t/i/10; echo kernel >t/kernel
            for i in 9 10; do
              mkdir x$i; echo "old $i" >x$i/a; echo init >x$i/init; (cd x$i && find . | cpio -o -H newc --quiet) >base-$i
              gzip -c base-$i >t/i/$i/initrd.gz
            done
            tar cf a.tar -C t .
            """)
        func recipe(over: String) -> ImageRecipe {
            Recipes.image(
                source: .archive(path: "a.tar", sha256: nil), kernel: "/kernel", initrd: "/ram",
                initramfs: .init(to: "/ram", over: over, start: nil, files: ["/deep/a"], modules: []),
                files: [.init(to: "/deep/a", content: .text("new\n"), mode: 0o600)], folder: scratch.path)
        }
        let image = try store(scratch).build(recipe(over: "/i/*/initrd.gz"))
        // The judge: dracut's way with many archives, gzip to its end and cpio from the next multiple of four.
        try scratch.shell(
            """
            size=$(( ($(stat -c %s t/i/10/initrd.gz) + 3) / 4 * 4 )); initrd=\(#require(image.initrd))
            head -c $(stat -c %s t/i/10/initrd.gz) $initrd | cmp - t/i/10/initrd.gz
            tail -c +$((size + 1)) $initrd >second; cpio -t --quiet <second >names
            [ "$(cat names)" = "$(printf 'deep\ndeep/a')" ]
            mkdir out; cd out; cpio -idm --quiet <../base-10; cpio -idm --quiet <../second
            [ "$(cat a)" = "old 10" ]; [ "$(cat deep/a)" = new ]; [ "$(stat -c %a deep/a)" = 600 ]
            """)
        #expect(try store(scratch).key(of: recipe(over: "/i/9/initrd.gz")) != image.key)
        let missing = #expect(throws: ImageError.self) { try store(scratch).build(recipe(over: "/no/initrd")) }
        #expect(missing?.exitStatus == 65 && missing?.description.contains("/no/initrd") == true)
    }

    @Test func `a disk out of an image is taken as it is, and so is one alone`() throws {
        let scratch = try Scratch()
        try scratch.shell(
            """
            mkdir t; truncate -s 8M disk.raw; seq 1 9999 | dd of=disk.raw conv=notrunc status=none; echo kernel >t/kernel
            qemu-img convert -f raw -O qcow2 -c disk.raw t/disk-1.qcow2; tar cf a.tar -C t .
            """)
        let taken = try store(scratch).build(
            Recipes.image(
                source: .archive(path: "a.tar", sha256: nil), kernel: "/kernel", diskFile: .init(from: "/disk-*", format: .qcow2),
                folder: scratch.path))
        try scratch.shell("cmp disk.raw \(#require(taken.disk))")
        #expect(Folder.names(taken.folder.path) == ["disk.img", "image.json", "kernel"])
        try scratch.write("k", "kernel\n")
        let alone = try store(scratch).build(
            Recipes.image(
                source: .disk(path: "disk.raw", sha256: nil), kernel: "/kernel", diskFile: .init(from: nil, format: .raw),
                files: [.init(to: "/kernel", content: .from(path: "k"), mode: 0o644)], folder: scratch.path))
        #expect(alone.manifest.disk?.contents == taken.manifest.disk?.contents)
    }

    @Test func `a wheel is a zip archive by its digest, and anything else is refused`() throws {
        let scratch = try Scratch()
        try scratch.shell("mkdir t; echo kernel >t/kernel; bsdtar --format zip -cf p.whl -C t kernel; tar cf p.tar -C t kernel")
        func names(_ file: String) throws -> [String] {
            let path = scratch.file(file)
            let stream = try DecodedStream(try FileDigest.open(path), subject: path, expected: nil, limits: .init(decodedBytes: 1 << 20))
            let reader = try ArchiveReader(stream, subject: path, isZip: true)
            var names: [String] = []
            while let entry = try reader.next() { names.append(String(decoding: entry.path, as: UTF8.self)) }
            return names
        }
        #expect(try names("p.whl") == ["kernel"])
        #expect(throws: ImageError.self) { try names("p.tar") }
        #expect(throws: ImageError.self) {
            try store(scratch).key(of: Recipes.image(source: .kernel(path: "/no/such/file")))
        }
    }
}
