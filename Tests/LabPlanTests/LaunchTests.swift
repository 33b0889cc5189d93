import LabModel
import LabPlan
import Testing

@Suite struct LaunchTests {
    var db: Machine {
        var machine = Shop.machine("db")
        machine.disks = [ByteCount(bytes: 4 << 30)]
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

    @Test func `an image without initrd and disk leaves their numbers unused`() {
        let tiny = Shop.machine("tiny", image: "pulse")
        let launch = MachineLaunch(tiny, image: Shop.pulse, disks: MachineDisk.all(of: tiny, image: Shop.pulse, folders: Shop.folders))
        #expect(launch.descriptors.map(\.number) == [3, 4, 5, 10])
        #expect(!launch.arguments.contains("--initrd") && !launch.arguments.contains("--disk") && !launch.arguments.contains("--cmdline"))
    }

    @Test func `the shell line quotes what bash would take apart and puts the serial console on the terminal`() {
        #expect(
            launch.shellLine() == "vmlab-machine --name db --memory 256MiB --cpus 1 --boot linux --serial 0:1 --kernel 10 --initrd 11 "
                + #"--cmdline 'root=/dev/vda rw quiet x='\''1 2'\''' --disk id=root,fd=12,delta=13 --disk id=disk0,fd=14 "#
                + "10</c/images/d12/kernel 11</c/images/d12/initrd 12</c/images/d12/disk.img 13<>/s/shop/machines/db/root.delta "
                + "14<>/s/shop/machines/db/disk0.raw")
    }
}
