import Foundation
import LabModel
import LabPlan
import Testing

@Suite struct LaunchTests {
    var db: Machine {
        var machine = Shop.machine("db")
        machine.disks = [Machine.Disk(size: ByteCount(bytes: 4 << 30))]
        machine.commandLine = "quiet x='1 2'"
        return machine
    }

    var launch: MachineLaunch {
        MachineLaunch(db, image: Shop.debian, disks: MachineDisk.all(of: db, image: Shop.debian, folders: Shop.folders))
    }

    @Test func `arguments name every descriptor once and the descriptors ascend`() {
        #expect(
            launch.arguments == [
                "--name", "db", "--memory", "256MiB", "--cpus", "1", "--boot", "linux", "--control", "3", "--serial", "4", "--console", "5",
                "--kernel", "10", "--initrd", "11", "--cmdline", "root=/dev/vda rw quiet x='1 2'", "--disk", "id=root,fd=12,delta=13",
                "--disk", "id=disk0,fd=14",
            ])
        #expect(launch.descriptors.map(\.number) == [3, 4, 5, 10, 11, 12, 13, 14])
        #expect(launch.descriptors[5].kind == .disk(path: "/c/images/d12/disk.img", writable: false))
        #expect(launch.descriptors[6].kind == .disk(path: "/s/shop/machines/db/root.delta", writable: true))
    }

    @Test func `a processor, old drivers and a second serial port are said only where they are asked for`() {
        var tiny = Shop.machine("tiny", image: "pulse")
        tiny.hardware = Hardware(
            cpu: .init(model: "baseline", switches: [.init(feature: "x2apic", isOn: false), .init(feature: "aes", isOn: true)]),
            isTransitional: true, hasSecondSerial: true, hasHPET: true)
        let launch = MachineLaunch(tiny, image: Shop.pulse, disks: [])
        #expect(
            launch.arguments == [
                "--name", "tiny", "--memory", "256MiB", "--cpus", "1", "--cpu", "baseline,aes=on,x2apic=off", "--transitional", "--hpet",
                "--boot",
                "pvh",
                "--control", "3", "--serial", "4", "--console", "5", "--com2", "9", "--kernel", "10",
            ])
        #expect(launch.descriptors.map(\.number) == [3, 4, 5, 9, 10])
        #expect(launch.descriptors[3].kind == .stream(name: "com2"))
        let line =
            "vmlab-machine --name tiny --memory 256MiB --cpus 1 --cpu baseline,aes=on,x2apic=off --transitional --hpet --boot pvh --serial 0:1 "
        #expect(launch.shellLine() == line + "--kernel 10 10</c/images/p1/kernel")
    }

    @Test func `an image without initrd and disk leaves their numbers unused`() {
        let tiny = Shop.machine("tiny", image: "pulse")
        let launch = MachineLaunch(tiny, image: Shop.pulse, disks: MachineDisk.all(of: tiny, image: Shop.pulse, folders: Shop.folders))
        #expect(launch.descriptors.map(\.number) == [3, 4, 5, 10])
        #expect(!launch.arguments.contains("--initrd") && !launch.arguments.contains("--disk") && !launch.arguments.contains("--cmdline"))
    }

    @Test func `modules follow the initial RAM disk, in order, with their words to the letter`() {
        var image = Shop.pulse
        image.hasInitrd = true
        image.moduleTexts = ["boot one ${host-port} $(task-create)", ""]
        let tiny = Shop.machine("tiny", image: "pulse")
        let launch = MachineLaunch(tiny, image: image, disks: [])
        #expect(launch.arguments.suffix(6) == ["--initrd", "11", "--module", "64:boot one ${host-port} $(task-create)", "--module", "65"])
        #expect(launch.descriptors.map(\.number) == [3, 4, 5, 10, 11, 64, 65])
        #expect(launch.descriptors.last?.kind == .blob(path: image.folder.path + "/module1"))
        #expect(launch.shellLine().contains("'64:boot one ${host-port} $(task-create)'"))
    }

    @Test func `firmware has its variables for each machine, and needs no kernel`() {
        let image = ImageFacts(
            name: "ovmf", key: "o", folder: ImageFolder(path: "/c/images/o"), hasKernel: false, hasFirmware: true, hasVariables: true,
            hasInitrd: false, hasDisk: false, bootProtocol: .automatic, commandLine: "")
        let tiny = Shop.machine("tiny", image: "ovmf")
        let disks = MachineDisk.all(of: tiny, image: image, folders: Shop.folders)
        #expect(disks == [MachineDisk(id: "nvram", path: "/s/shop/machines/tiny/nvram.delta", content: .delta(base: "/c/images/o/nvram"))])
        let launch = MachineLaunch(tiny, image: image, disks: disks)
        #expect(launch.arguments.suffix(4) == ["--firmware", "6", "--nvram", "fd=7,delta=8"])
        #expect(!launch.arguments.contains("--kernel") && !launch.arguments.contains("--boot"))
        #expect(launch.descriptors.map(\.number) == [3, 4, 5, 6, 7, 8])
    }

    @Test func `another board is asked for by its name`() {
        var image = Shop.debian
        let machine = Shop.machine("uefi", image: "debian-12")
        #expect(!MachineLaunch(machine, image: image, disks: []).arguments.contains("--board"))
        image.board = .cloudHypervisor
        let arguments = MachineLaunch(machine, image: image, disks: []).arguments
        #expect(arguments.firstIndex(of: "--board").map { arguments[$0 + 1] } == "cloud-hypervisor")
    }

    @Test func `drives follow in the order of the file, the image's CD first`() {
        var image = Shop.debian
        image.diskBus = .ide
        image.hasCD = true
        var machine = db
        machine.disks.append(Machine.Disk(size: ByteCount(bytes: 1 << 30), bus: .ide))
        machine.cdroms = [Machine.Medium(path: "/isos/a.iso", digest: "0")]
        let launch = MachineLaunch(machine, image: image, disks: MachineDisk.all(of: machine, image: image, folders: Shop.folders))
        #expect(
            launch.arguments.suffix(10) == [
                "--disk", "id=root,fd=12,delta=13,bus=ide", "--disk", "id=disk0,fd=14", "--disk", "id=disk1,fd=15,bus=ide",
                "--cdrom", "id=cd0,fd=40", "--cdrom", "id=cd1,fd=41",
            ])
        #expect(
            launch.descriptors.suffix(2).map(\.kind) == [
                .disk(path: "/c/images/d12/cdrom.iso", writable: false), .disk(path: "/isos/a.iso", writable: false),
            ])
    }

    @Test func `the shell line quotes what bash would take apart and puts the serial console on the terminal`() {
        #expect(
            launch.shellLine() == "vmlab-machine --name db --memory 256MiB --cpus 1 --boot linux --serial 0:1 --kernel 10 --initrd 11 "
                + #"--cmdline 'root=/dev/vda rw quiet x='\''1 2'\''' --disk id=root,fd=12,delta=13 --disk id=disk0,fd=14 "#
                + "10</c/images/d12/kernel 11</c/images/d12/initrd 12</c/images/d12/disk.img 13<>/s/shop/machines/db/root.delta "
                + "14<>/s/shop/machines/db/disk0.raw")
        #expect(launch.shellLine(program: "/opt/my labs/vmlab-machine").hasPrefix("'/opt/my labs/vmlab-machine' --name db "))
    }

    @Test func `bash reads the shell line as it is meant`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "vmlab it's \(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        let paths = LabPaths(cache: folder.path + "/c $HOME", state: folder.path + "/s", run: folder.path)
        let image = ImageFacts(
            name: "debian-12", key: "d12", folder: paths.image(key: "d12"), hasInitrd: true, hasDisk: true, bootProtocol: .linux,
            commandLine: "root=/dev/vda `id` $HOME \\ \"x\" * ; # é")
        let disks = MachineDisk.all(of: db, image: image, folders: paths.lab("shop"))
        let launch = MachineLaunch(db, image: image, disks: disks)
        for descriptor in launch.descriptors {
            switch descriptor.kind {
            case .stream: continue
            case .blob(let path), .disk(let path, _):
                try FileManager.default.createDirectory(
                    atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
                try Data("\(descriptor.number)".utf8).write(to: URL(filePath: path))
            }
        }
        // In the place of the program: its arguments, then what it can read from each descriptor.
        let program = #"show() { printf '%s\n' "$@"; for fd in 10 11 12 13 14; do cat <&$fd; echo; done; }; "#
        let bash = Process()
        bash.executableURL = URL(filePath: "/bin/bash")
        bash.arguments = ["-euc", program + launch.shellLine(program: "show")]
        let output = Pipe()
        bash.standardOutput = output
        try bash.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        bash.waitUntilExit()
        #expect(bash.terminationStatus == 0)

        var wanted = launch.arguments
        for option in ["--control", "--console"] {
            if let index = wanted.firstIndex(of: option) { wanted.removeSubrange(index...(index + 1)) }
        }
        if let index = wanted.firstIndex(of: "--serial") { wanted[index + 1] = "0:1" }
        #expect(text.split(separator: "\n").map(String.init) == wanted + ["10", "11", "12", "13", "14"])
    }
}
