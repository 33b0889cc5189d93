import Glibc
import Host
import LabImages
import LabModel
import Testing

/// Real runs of mmdebstrap, with as few packages as show the point: one is unpacked, nothing is installed.
@Suite(.serialized) struct MmdebstrapTests {
    private static func recipe(files: [ImageRecipe.File] = [], packages: [String] = ["hostname"]) -> ImageRecipe {
        Recipes.image(
            source: .mmdebstrap(suite: "bookworm", packages: packages, variant: "extract", architecture: "amd64"),
            kernel: "/usr/bin/hostname", disk: ByteCount(bytes: 64 << 20), files: files)
    }

    @Test func `packages become a disk, by the same tar when only other files change, and with the same bytes another time`() throws {
        let scratch = try Scratch()
        let store = ImageStore(paths: scratch.paths)
        var steps: [String] = []
        let early = ImageRecipe.File(to: "/etc/dpkg/dpkg.cfg.d/small", content: .text("path-exclude=/usr/share/man/*\n"), mode: 0o644)
        let image = try store.build(Self.recipe(files: [early])) { if case .bootstrapping(let step) = $0 { steps.append(step) } }
        #expect(steps.contains { $0.contains("apt-get update") } && steps.contains { $0.contains("success") })
        #expect(image.manifest.kernel?.origin == "/usr/bin/hostname")
        let disk = try #require(image.disk)
        try scratch.shell("e2fsck -fn \(disk) >check 2>&1 || { cat check >&2; exit 1; }")
        #expect(try scratch.shell("debugfs -R 'stat /usr/bin/hostname' \(disk) 2>/dev/null").contains("User:     0   Group:     0"))
        // Nothing of the host that built it.
        for path in ["/etc/hostname", "/etc/resolv.conf"] {
            #expect(try scratch.shell("debugfs -R 'stat \(path)' \(disk) 2>&1").contains("File not found"))
        }

        steps = []
        let motd = ImageRecipe.File(to: "/etc/motd", content: .text("hello\n"), mode: 0o644)
        let other = try store.build(Self.recipe(files: [early, motd])) { if case .bootstrapping(let step) = $0 { steps.append(step) } }
        #expect(steps.isEmpty && other.key != image.key)
        #expect(try scratch.shell("find home -name '*.part*'") == "")

        let again = try ImageStore(paths: LabPaths(home: scratch.file("again"))).build(
            Self.recipe(files: [early]))
        #expect(again.manifest == image.manifest)
        try scratch.shell("cmp \(disk) \(try #require(again.disk))")
    }

    @Test func `a package that does not exist is an error with the last lines that were said`() throws {
        let scratch = try Scratch()
        let error = #expect(throws: ImageError.self) {
            try ImageStore(paths: scratch.paths).build(Self.recipe(packages: ["no-such-package-anywhere"]))
        }
        #expect(error?.exitStatus == 71)
        #expect(error?.description.contains("no-such-package-anywhere") == true)
        #expect(Folder.names(scratch.file("home/cache/archives")) == [])
    }

    @Test(arguments: ["-o", "a b", "a;b", "", "$(x)"]) func `a word that could be an option or a command is refused`(word: String) throws {
        let scratch = try Scratch()
        let error = #expect(throws: ImageError.self) { try ImageStore(paths: scratch.paths).build(Self.recipe(packages: [word])) }
        #expect(error?.exitStatus == 65)
    }

    @Test func `a mirror that lacks what its lists promise is told from a package that does not exist`() {
        #expect(MmdebstrapSource.isOutOfStep("Err:49 http://mirror.test/ s/main amd64 p\n  404  Not Found [IP: 192.0.2.1 80]"))
        #expect(
            MmdebstrapSource.isOutOfStep("  File has unexpected size (9436656 != 9437612). Mirror sync in progress? [IP: 192.0.2.1 80]"))
        #expect(!MmdebstrapSource.isOutOfStep("E: Unable to locate package no-such-package"))
    }

    @Test func `a program bears the mark of the lab that it is run for`() async {
        await #expect(processExitsWith: .success) {
            setenv(LabFolders.mark, "/state/shop", 1)
            let said = try HostProgram("bash", package: "bash").output(["-c", "printf %s \"$\(LabFolders.mark)\""])
            #expect(said == "/state/shop")
        }
    }

    @Test func `a program that is missing is named with its package`() {
        let error = #expect(throws: ImageError.self) { _ = try HostProgram("no-such-program", package: "some-package") }
        #expect(error?.exitStatus == 69)
        #expect(error?.description == "no-such-program is not installed: apt-get install some-package")
    }

    @Test func `a builder that is killed takes its programs along, and the next one removes what it left`() async throws {
        let folder = "/tmp/vmlab-images-killed.\(getpid())"
        defer { try? Folder.remove(folder) }
        await #expect(processExitsWith: .signal(SIGKILL)) {
            let home = "/tmp/vmlab-images-killed.\(getppid())"
            _ = try ImageStore(paths: LabPaths(home: home)).build(MmdebstrapTests.recipe()) { progress in
                if case .bootstrapping(let step) = progress, step.contains("apt-get update") { kill(getpid(), SIGKILL) }
            }
        }
        let parts = Folder.names(folder + "/cache/archives").filter { $0.hasSuffix(".part") }
        #expect(parts.count == 1)
        var left: [String] = []
        for _ in 0..<600 {
            left = Self.processes(naming: folder)
            if left.isEmpty { break }
            usleep(100_000)
        }
        #expect(left == [])
        let image = try ImageStore(paths: LabPaths(home: folder)).build(Self.recipe())
        #expect(image.disk != nil)
        #expect(Folder.names(folder + "/cache/archives").allSatisfy { !$0.hasSuffix(".part") })
    }

    @Test func `a program that will not stop is ended with everything it started`() async throws {
        let mark = "vmlab-images-stubborn.\(getpid())"
        let started = "/tmp/\(mark)"
        defer { unlink(started) }
        await #expect(processExitsWith: .signal(SIGKILL)) {
            let mark = "vmlab-images-stubborn.\(getppid())"
            let started = "/tmp/\(mark)"
            let end = try NamedThread("end") {
                while access(started, F_OK) != 0 { usleep(10_000) }
                kill(getpid(), SIGKILL)
            }
            let script = "trap '' TERM; setsid sleep 1000 & echo > \(started); sleep 1000; sleep 1000"
            _ = try HostProgram("bash", package: "bash", environment: ["MARK": mark]).output(["-c", script])
            end.join()
        }
        #expect(access(started, F_OK) == 0)
        var left: [String] = []
        for _ in 0..<600 {
            left = Self.processes(naming: mark)
            if left.isEmpty { break }
            usleep(100_000)
        }
        #expect(left == [])
    }

    /// Processes other than this one that have the text in their command line or environment.
    private static func processes(naming text: String) -> [String] {
        Folder.names("/proc").filter { name in
            guard let pid = Int32(name), pid != getpid() else { return false }
            return ["cmdline", "environ"].contains { file in
                guard let bytes = try? Folder.read("/proc/\(name)/\(file)", limit: 1 << 20) else { return false }
                return String(decoding: bytes, as: UTF8.self).contains(text)
            }
        }
    }
}
