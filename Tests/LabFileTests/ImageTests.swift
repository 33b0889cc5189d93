import LabFile
import LabModel
import Testing

/// What a recipe says reaches the model to the letter.
@Suite struct ImageTests {
    private func recipe(_ text: String) throws -> ImageRecipe {
        let files = FilesInMemory(["/p/Images/img/image.yaml": text])
        return try ImageCatalogue(forLabIn: "/p/labs/shop", then: [], files: files).recipe(named: "img")
    }

    @Test func `the words of a module are the kernel's, whatever is in them`() throws {
        let recipe = try recipe(
            """
            name: img
            from: {deb: {packages: [gnumach, hurd], suite: sid, architecture: i386}}
            boot:
              protocol: multiboot
              kernel: /boot/gnumach.gz
              modules:
                - {from: /boot/task, text: "boot  one ${host-port} $(task-create) '$(task-resume)'"}
                - {from: /boot/other-*}
            files: [{to: /boot/task, from: task}]
            """)
        #expect(recipe.source == .deb(packages: ["gnumach", "hurd"], suite: "sid", architecture: "i386"))
        #expect(
            recipe.boot.modules == [
                .init(from: "/boot/task", text: "boot  one ${host-port} $(task-create) '$(task-resume)'"),
                .init(from: "/boot/other-*", text: ""),
            ])
        #expect(!recipe.hasDisk)
    }

    @Test func `a package's name alone is a package of the host's own release`() throws {
        let recipe = try recipe("name: img\nfrom: {deb: memtest86+}\nboot: {kernel: /k}\n")
        #expect(recipe.source == .deb(packages: ["memtest86+"], suite: nil, architecture: nil))
    }

    @Test func `firmware that is entered as a kernel has its board`() throws {
        #expect(try recipe("name: img\nfrom: {deb: a}\nboot: {kernel: /k, board: cloud-hypervisor}\n").boot.board == .cloudHypervisor)
        #expect(try recipe("name: img\nfrom: {deb: a}\nboot: {kernel: /k, board: pc}\n").boot.board == .pc)
        #expect(try recipe("name: img\nfrom: {deb: a}\nboot: {kernel: /k}\n").boot.board == .pc)
    }

    @Test func `a disk is made, or taken out of the image, or all there is`() throws {
        let made = try recipe("name: img\nfrom: {deb: a}\nboot: {kernel: /k}\ndisk: {size: 1GiB}\n")
        #expect(made.disk?.size == ByteCount(bytes: 1 << 30) && made.diskFile == nil && made.hasDisk)
        let digest = String(repeating: "0a", count: 32)
        let taken = try recipe(
            "name: img\nfrom: {wheel: {package: p, version: 0.10.1, sha256: \(digest)}}\nboot: {kernel: /k}\ndisk: {from: /d-*, format: qcow2}\n"
        )
        #expect(taken.source == .wheel(package: "p", version: "0.10.1", sha256: digest))
        #expect(taken.disk == nil && taken.diskFile == .init(from: "/d-*", format: .qcow2) && taken.hasDisk)
        let all = try recipe(
            "name: img\nfrom: {disk: {path: d.raw, format: raw}}\nboot: {kernel: /k}\nfiles: [{to: /k, from: vmlinuz}]\n")
        #expect(all.source == .disk(path: "d.raw", sha256: nil) && all.diskFile == .init(from: nil, format: .raw))
    }

    @Test func `a disk may be an IDE drive's, and a file of the image a CD`() throws {
        let rescue = try recipe("name: img\nfrom: {deb: a}\nboot: {firmware: /bios}\ncdrom: {from: /rescue-*.iso}\n")
        #expect(rescue.cdrom == "/rescue-*.iso" && !rescue.hasDisk && rescue.diskBus == .virtio)
        let taken = try recipe("name: img\nfrom: {deb: a}\nboot: {firmware: /b}\ndisk: {from: /d, format: raw, bus: ide}\n")
        #expect(taken.diskBus == .ide && taken.diskFile == .init(from: "/d", format: .raw))
        let whole = try recipe(
            "name: img\nfrom: {disk: {path: d, format: raw}}\nboot: {firmware: /b}\ndisk: {bus: ide}\nfiles: [{to: /b, from: bios}]\n")
        #expect(whole.diskBus == .ide && whole.diskFile == .init(from: nil, format: .raw) && whole.disk == nil)
    }

    @Test func `an initramfs of the image's files is a file of the image`() throws {
        let recipe = try recipe(
            """
            name: img
            from: {deb: {packages: [linux, busybox-static]}}
            initramfs: {to: /boot/ram, init: ../busybox/init, files: [/bin/busybox], modules: [virtio_pci, virtio-net]}
            boot: {kernel: /boot/vmlinuz-*, initrd: /boot/ram}
            """)
        #expect(
            recipe.initramfs
                == .init(to: "/boot/ram", start: "../busybox/init", files: ["/bin/busybox"], modules: ["virtio_pci", "virtio-net"]))
        let layer = try self.recipe(
            """
            name: img
            from: {deb: installer}
            initramfs: {to: /initrd, over: /installer/*/initrd.gz, files: [/preseed.cfg]}
            boot: {kernel: /installer/*/linux, initrd: /initrd}
            files: [{to: /preseed.cfg, text: "answers"}]
            """)
        #expect(layer.initramfs == .init(to: "/initrd", over: "/installer/*/initrd.gz", start: nil, files: ["/preseed.cfg"], modules: []))
    }
}
