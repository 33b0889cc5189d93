import LabModel
import Testing

@Suite struct `where a person's labs lie` {
    @Test func `follows VMLAB_HOME, then XDG's folders, then HOME`() throws {
        let home = try LabPaths(environment: ["HOME": "/u/ann"], user: 7)
        #expect(home == LabPaths(cache: "/u/ann/.cache/vmlab", state: "/u/ann/.local/state/vmlab", run: "/tmp/vmlab-7/vmlab"))
        let xdg = try LabPaths(environment: ["HOME": "/u/ann", "XDG_STATE_HOME": "/s", "XDG_RUNTIME_DIR": "/run/user/7"], user: 7)
        #expect(xdg == LabPaths(cache: "/u/ann/.cache/vmlab", state: "/s/vmlab", run: "/run/user/7/vmlab"))
        #expect(
            try LabPaths(environment: ["VMLAB_HOME": "/v", "HOME": "/u/ann", "XDG_STATE_HOME": "/s"], user: 7) == LabPaths(home: "/v"))
    }

    @Test(arguments: [[:], ["HOME": ""], ["HOME": "here"], ["HOME": "/"], ["XDG_CACHE_HOME": "/c"], ["VMLAB_HOME": "v"]])
    func `is never the root folder because nothing says otherwise`(_ environment: [String: String]) {
        #expect(throws: HomeUnknown()) { try LabPaths(environment: environment, user: 7) }
    }

    @Test func `needs no HOME where all is said without it`() throws {
        #expect(try LabPaths(environment: ["XDG_CACHE_HOME": "/c", "XDG_STATE_HOME": "/s"], user: 7).cache == "/c/vmlab")
        #expect(try LabPaths(environment: ["VMLAB_HOME": "/v"], user: 7).state == "/v/state")
    }
}
