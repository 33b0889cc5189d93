import Glibc
import LabImages
import LabModel
import Testing

/// Files may only grow to 4 MiB in these processes: to every write beyond, the kernel answers as a full disk would.
@Suite struct NoSpaceTests {
    private static func build(_ disk: ByteCount) throws -> (ImageError?, left: [String]) {
        let scratch = try Scratch()
        try scratch.shell(
            "mkdir -p t/boot; head -c 3M /dev/urandom >t/boot/vmlinuz-1; head -c 3M /dev/urandom >t/big; tar cf root.tar -C t .; rm -r t")
        signal(SIGXFSZ, SIG_IGN)
        var limit = rlimit(rlim_cur: 4 << 20, rlim_max: 4 << 20)
        guard setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0 else { return (nil, ["no limit"]) }
        let recipe = Recipes.image(
            source: .archive(path: "root.tar", sha256: nil), disk: disk, folder: scratch.path)
        do {
            _ = try ImageStore(paths: scratch.paths).build(recipe)
            return (nil, [])
        } catch {
            return (error, Folder.names(scratch.file("home/cache/images")))
        }
    }

    @Test func `a disk that the host has no room for is an error that names path and space, and leaves nothing`() async {
        await #expect(processExitsWith: .success) {
            let (error, left) = try Self.build(ByteCount(bytes: 64 << 20))
            guard let error, case .noSpace(_, let free) = error.problem, free != nil, left.isEmpty else {
                print("not the error that was wanted: \(String(describing: error)), left \(left)")
                exit(1)
            }
            guard error.subject.hasSuffix("disk.img"), error.exitStatus == 73 else { exit(2) }
        }
    }
}
