import Foundation
import LabImages
import Testing

/// Downloads Debian's cloud kernel once (about 30 MB) and looks at what comes of it with the tools of others.
@Suite struct CarrierKitTests {
    @Test func `the kit is a kernel and an initramfs out of Debian's package, made once`() throws {
        let scratch = try Scratch()
        let store = ImageStore(paths: scratch.paths)
        try scratch.write("init", "the init program")
        try scratch.write("machine", "the monitor")
        func build() throws -> (CarrierKitFiles, [String]) {
            var lines: [String] = []
            let kit = try CarrierKitBuilder.build(
                store: store, initProgram: scratch.file("init"), machineProgram: scratch.file("machine")
            ) { if case .bootstrapping(let line) = $0 { lines.append(line) } }
            return (kit, lines)
        }
        let (kit, lines) = try build()
        #expect(lines.first == "downloading the package linux-image-cloud-amd64")
        #expect(
            kit.package.hasPrefix("linux-image-") && kit.package.hasSuffix("-cloud-amd64") && kit.package != CarrierKitBuilder.kernelPackage
        )

        // The initramfs: what it lists, in load order, and the programs as they were.
        let modules = try scratch.shell("bsdtar xOf \(kit.initramfs) modules").split(separator: "\n").map(String.init)
        #expect(modules.first == "/lib/modules/irqbypass.ko" && modules.last == "/lib/modules/virtio_blk.ko" && modules.count == 10)
        let listed = try scratch.shell("cpio -t --quiet <\(kit.initramfs)").split(separator: "\n").map { "/" + $0 }
        #expect(Set(modules).isSubset(of: Set(listed)) && listed.contains("/init") && listed.contains("/dev/console"))
        #expect(try scratch.shell("bsdtar xOf \(kit.initramfs) vmlab-machine") == "the monitor")
        #expect(try scratch.shell("bsdtar xOf \(kit.initramfs) lib/modules/kvm-amd.ko >amd.ko; head -c 4 amd.ko | tail -c 3") == "ELF")

        // The judges: dpkg-deb for the package, lz4 for the kernel's payload (the setup header's fields read by od).
        let package = try scratch.shell("ls home/cache/packages/*/package.deb").split(separator: "\n")[0]
        try scratch.shell(
            """
            dpkg-deb --fsys-tarfile \(package) | tar xO --wildcards './boot/vmlinuz-*' >bzImage
            field() { od -An -j$1 -N$2 -tu$2 bzImage | tr -d ' '; }
            start=$(( ($(field 497 1) + 1) * 512 + $(field 584 4) )); length=$(( $(field 588 4) - 4 ))
            head -c $(( start + length )) bzImage >head; tail -c $length head | lz4 -dc >vmlinux
            cmp vmlinux \(kit.kernel)
            dpkg-deb --fsys-tarfile \(package) | tar xO --wildcards './lib/modules/*/kvm.ko' >kvm.ko || dpkg-deb --fsys-tarfile \(package) | tar xO --wildcards './usr/lib/modules/*/kvm.ko.xz' | xz -dc >kvm.ko
            bsdtar xOf \(kit.initramfs) lib/modules/kvm.ko | cmp - kvm.ko
            dpkg-deb --fsys-tarfile \(package) | tar xO --wildcards './lib/modules/*/kvm-amd.ko' >original.ko || dpkg-deb --fsys-tarfile \(package) | tar xO --wildcards './usr/lib/modules/*/kvm-amd.ko.xz' | xz -dc >original.ko
            # One instruction is a return now (0xC3, 303 in octal), and the signature is no longer looked for.
            [ "$(cmp -l amd.ko original.ko 2>/dev/null | awk '{print $2}')" = 303 ]
            [ "$(stat -c %s original.ko)" = $(( $(stat -c %s amd.ko) + 28 )) ]
            """)
        // A module that is damaged in any way is left alone, or changed in one byte; it is never a reason to stop.
        let module = [UInt8](try Data(contentsOf: URL(filePath: scratch.file("amd.ko"))))
        var random = SeededGenerator(seed: 8)
        for _ in 0..<200 {
            var damaged = Array(module.prefix(Int.random(in: 0...module.count, using: &random)))
            for _ in 0..<4 where damaged.count > 64 {
                damaged[Int.random(in: 0..<64, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if let changed = CR8Interception.always(in: damaged) { #expect(zip(changed, damaged).count { $0 != $1 } <= 1) }
        }

        // Again: nothing is downloaded or written.
        let before = try scratch.shell("find home -printf '%p %T@\\n' | sort")
        let (again, quiet) = try build()
        #expect(again == kit && quiet.isEmpty)
        #expect(try scratch.shell("find home -printf '%p %T@\\n' | sort") == before)

        // Another monitor is another kit, of the same kernel.
        try Folder.remove(scratch.file("machine2"))
        try scratch.write("machine2", "a newer monitor")
        let newer = try CarrierKitBuilder.build(store: store, initProgram: scratch.file("init"), machineProgram: scratch.file("machine2"))
        #expect(newer.initramfs != kit.initramfs && newer.package == kit.package)
        #expect(Folder.names(scratch.file("home/cache/carriers")).count == 2)
    }

    @Test func `a package that is not there is an error with apt's own words`() throws {
        let scratch = try Scratch()
        let recipe = Recipes.image(source: .deb(packages: ["no-such-package-anywhere"], suite: nil, architecture: nil), kernel: "/boot/*")
        let error = #expect(throws: ImageError.self) { try ImageStore(paths: scratch.paths).build(recipe) }
        #expect(error?.exitStatus == 71)
        #expect(error?.description.contains("no-such-package-anywhere") == true)
        #expect(Folder.names(scratch.file("home/cache/packages")) == [])
    }
}
